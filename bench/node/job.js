// What a program is asked to measure: the command line of common/bench.h.
"use strict";

const UNSUPPORTED = 3; // BENCH_UNSUPPORTED

// With what Node has no notion of: deadlines, streams within a connection.
const CASES = {
    unary: true,
    "unary-up": true,
    "unary-checked": false,
    put: true,
    stream: true,
    bidi: false,
    workers: true,
    streams: false,
    spawn: true,
    "spawn-large": false,
    kill: true,
    idle: true,
    latency: true,
};

function fail(what) {
    process.stderr.write(`bench-node: ${what}\n`);
    process.exit(1);
}

// Never returns when the arguments are no job, or one that is not for Node.
function parseJob(words) {
    const job = { kind: undefined, size: 64, depth: 1, workers: 1, streams: 1, rate: 0, seconds: 0.5 };
    for (const word of words) {
        const [name, value] = word.split("=");
        if (name === "case" && Object.hasOwn(CASES, value ?? "")) job.kind = value;
        else if (name !== "kind" && Object.hasOwn(job, name) && Number(value) > 0) job[name] = Number(value);
        else fail(`what is "${word}"?`);
    }
    if (!job.kind || (job.kind === "latency") !== job.rate > 0) {
        fail("there must be a case, and a rate for latency only");
    }
    if (!CASES[job.kind]) process.exit(UNSUPPORTED);
    return job;
}

module.exports = { UNSUPPORTED, fail, parseJob };
