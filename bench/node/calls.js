// Calls by messages, which is what programs built on the cluster module write by hand: a message with an id, and a map
// from id to callback. A peer is what has send() and gives 'message': a worker in the primary, `process` in a worker.
"use strict";

const { fail } = require("./job.js");

// What travels. JSON has no bytes.
function makePayload(size, serialization) {
    const text = "abcdefghijklmnopqrstuvwxyz".repeat(Math.ceil(size / 26)).slice(0, size);
    return serialization === "json" ? text : Buffer.from(text);
}

class Caller {
    constructor(peer, job, serialization) {
        this.peer = peer;
        this.data = makePayload(job.size, serialization);
        this.expected = job.kind === "put" ? 0 : job.size;
        this.pending = new Map();
        this.lastId = 0;
        peer.on("message", ({ id, data }) => {
            const done = this.pending.get(id);
            this.pending.delete(id);
            if (data.length !== this.expected) fail(`a reply of ${data.length}`);
            done();
        });
    }

    call(done) {
        const id = ++this.lastId;
        this.pending.set(id, done);
        this.peer.send({ id, data: this.data });
    }
}

function answerCalls(peer, job, serialization) {
    const ack = makePayload(0, serialization);
    peer.on("message", ({ id, data }) => {
        if (data.length !== job.size) fail(`a request of ${data.length}`);
        peer.send({ id, data: job.kind === "put" ? ack : data });
    });
}

// Keeps job.depth calls in flight through each caller until the meter's time is up, then calls done().
function runClosedLoop(callers, job, meter, done) {
    function finish(caller) {
        if (meter.over) return;
        if (meter.tick()) done();
        else start(caller);
    }
    function start(caller) {
        caller.call(() => finish(caller));
    }
    for (const caller of callers) {
        for (let i = 0; i < job.depth; i++) start(caller);
    }
}

module.exports = { Caller, answerCalls, makePayload, runClosedLoop };
