// The worker's side of each case.
"use strict";

const { Caller, answerCalls, makePayload, runClosedLoop } = require("./calls.js");
const { Meter } = require("./meter.js");

// Messages of a stream that are handed to send() before their callbacks are waited for.
const BATCH = 16;

function callPrimary(job, serialization) {
    const meter = new Meter(job);
    runClosedLoop([new Caller(process, job, serialization)], job, meter, () => {
        meter.print();
        process.exit(0);
    });
}

// Sends without end, with the flow control that Node's documentation names: send() says when there is too much, and its
// callback when a message has gone.
function sendStream(job, serialization) {
    const message = { data: makePayload(job.size, serialization) };
    let unsent = 0;
    function onSent(error) {
        if (error) throw error;
        if (--unsent === 0) sendSome();
    }
    function sendSome() {
        let more = true;
        while (more && unsent < BATCH) {
            unsent++;
            more = process.send(message, onSent);
        }
    }
    sendSome();
}

function runWorker(job, serialization) {
    switch (job.kind) {
        case "unary-up":
            return callPrimary(job, serialization);
        case "stream":
            return sendStream(job, serialization);
        case "spawn":
        case "kill":
            return process.send("ready");
        default:
            return answerCalls(process, job, serialization);
    }
}

module.exports = { runWorker };
