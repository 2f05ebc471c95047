#!/usr/bin/env node
// Node's cluster module: worker.send() and process.send() with their default serialization, JSON, so the payload is a
// string. A call is what programs built on it write by hand: a message with an id, and a map from id to callback.
// The command line and the output are those of common/bench.h.
"use strict";

const cluster = require("cluster");
const { performance } = require("perf_hooks");

const UNSUPPORTED = 3; // BENCH_UNSUPPORTED

const job = Object.fromEntries(process.argv.slice(2).map((argument) => argument.split("=")));
const { case: kind, size = 64, depth = 1, seconds = 0.5 } = job;

// Counts operations for `seconds`, after a warm-up of a fifth of that which begins with the first of them. Reads the
// clock about every millisecond. The same as struct bench_meter.
class Meter {
    constructor(length) {
        this.length = length * 1e3;
        this.nextLook = 1;
        this.warm = false;
        this.restart(undefined);
    }

    // Begins to count from here.
    restart(now) {
        this.ops = 0;
        this.start = now;
        this.lastLook = { ops: 0, time: now };
    }

    // One operation has finished. True when the time is up.
    tick() {
        return ++this.ops >= this.nextLook && this.look();
    }

    look() {
        const now = performance.now();
        let stride = 1;
        if (this.start === undefined) {
            this.restart(now);
        } else if (this.warm && now - this.start >= this.length) {
            console.log(JSON.stringify({ ops: this.ops, ns: Math.round((now - this.start) * 1e6) }));
            return true;
        } else {
            stride = Math.max(1, Math.floor((this.ops - this.lastLook.ops) / (now - this.lastLook.time)));
            this.lastLook = { ops: this.ops, time: now };
            if (!this.warm && now - this.start >= this.length / 5) {
                this.warm = true;
                this.restart(now);
            }
        }
        this.nextLook = this.ops + stride;
        return false;
    }
}

// `peer` is what has send() and gives 'message': a worker in the primary, `process` in the worker.
function call(peer, done) {
    const data = "abcdefghijklmnopqrstuvwxyz".repeat(Math.ceil(size / 26)).slice(0, Number(size));
    const expected = kind === "put" ? 0 : Number(size);
    const pending = new Map();
    const meter = new Meter(Number(seconds));
    let lastId = 0;
    let over = false;

    function start() {
        const id = ++lastId;
        pending.set(id, finish);
        peer.send({ id, data });
    }

    function finish(reply) {
        if (reply.length !== expected) throw new Error("wrong reply");
        if (over) return;
        over = meter.tick();
        if (over) done();
        else start();
    }

    peer.on("message", ({ id, data: reply }) => {
        const callback = pending.get(id);
        pending.delete(id);
        callback(reply);
    });
    for (let i = 0; i < Number(depth); i++) start();
}

function answer(peer) {
    peer.on("message", ({ id, data }) => {
        if (data.length !== Number(size)) throw new Error("wrong request");
        peer.send({ id, data: kind === "put" ? "" : data });
    });
}

function main() {
    if ("--version" in job) {
        console.log(`Node ${process.version}, cluster module, JSON`);
    } else if (!["unary", "unary-up", "put"].includes(kind)) {
        process.exit(UNSUPPORTED);
    } else if (cluster.isPrimary) {
        const worker = cluster.fork();
        worker.on("exit", (code) => process.exit(code ?? 1));
        if (kind === "unary-up") answer(worker);
        else worker.on("online", () => call(worker, () => process.exit(0)));
    } else if (kind === "unary-up") {
        call(process, () => process.exit(0));
    } else {
        answer(process);
    }
}

main();
