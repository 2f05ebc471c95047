// The primary's side of each case. Each has a promise of the result, which print() prints.
"use strict";

const cluster = require("cluster");
const { once } = require("events");
const fs = require("fs");
const os = require("os");
const { setTimeout: sleep } = require("timers/promises");

const { Caller, answerCalls, runClosedLoop } = require("./calls.js");
const { UNSUPPORTED, fail } = require("./job.js");
const { Meter, Schedule, Spans, print } = require("./meter.js");

// A worker's memory at most, and how many workers a program may start: more take minutes.
const WORKER_BYTES = 64 * 1024 * 1024;
const MOST_WORKERS = 256;

// Workers that are not expected to end. They do not outlive the primary, however it exits.
const running = new Set();
process.on("exit", () => running.forEach((worker) => worker.process.kill("SIGKILL")));

function forkWorker() {
    const worker = cluster.fork();
    running.add(worker);
    worker.on("exit", (code, signal) => {
        if (running.has(worker)) fail(`a worker has ended: ${signal ?? code}`);
    });
    return worker;
}

async function endWorker(worker, begin = () => {}) {
    running.delete(worker);
    const exited = once(worker, "exit");
    begin();
    worker.process.kill("SIGKILL");
    await exited;
}

async function forkWorkers(count) {
    const workers = Array.from({ length: count }, forkWorker);
    await Promise.all(workers.map((worker) => once(worker, "online")));
    return workers;
}

async function forkCallers(job, serialization) {
    const workers = await forkWorkers(job.workers);
    return workers.map((worker) => new Caller(worker, job, serialization));
}

function callOnce(caller) {
    return new Promise((resolve) => caller.call(resolve));
}

async function measureCalls(job, serialization) {
    const callers = await forkCallers(job, serialization);
    const meter = new Meter(job);
    await new Promise((resolve) => runClosedLoop(callers, job, meter, resolve));
    return meter;
}

// The worker measures and prints.
async function answerWorker(job, serialization) {
    const worker = cluster.fork();
    answerCalls(worker, job, serialization);
    const [code, signal] = await once(worker, "exit");
    if (code !== 0) fail(`the worker has ended: ${signal ?? code}`);
    return { print() {} };
}

async function measureStream(job) {
    const meter = new Meter(job);
    const worker = forkWorker();
    await new Promise((resolve) => {
        worker.on("message", ({ data }) => {
            if (data.length !== job.size) fail(`a message of ${data.length}`);
            if (!meter.over && meter.tick()) resolve();
        });
    });
    return meter;
}

async function measureSpawn(job) {
    const spans = new Spans(job);
    let over = false;
    while (!over) {
        spans.begin();
        const worker = forkWorker();
        await once(worker, "message");
        over = spans.end();
        await endWorker(worker);
    }
    return spans;
}

async function measureKill(job) {
    const spans = new Spans(job);
    let over = false;
    while (!over) {
        const worker = forkWorker();
        await once(worker, "message");
        await endWorker(worker, () => spans.begin());
        over = spans.end();
    }
    return spans;
}

function readPss(pid) {
    const [, kib] = /^Pss: +(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
    return Number(kib) * 1024;
}

async function measureIdle(job, serialization) {
    if (job.workers > Math.min(MOST_WORKERS, os.freemem() / WORKER_BYTES)) process.exit(UNSUPPORTED);
    const callers = await forkCallers(job, serialization);
    await Promise.all(callers.map(callOnce));
    // The workers come to rest as long as in common/memory.h.
    await sleep(3e3 * job.seconds);
    const bytes = callers.map(({ peer }) => readPss(peer.process.pid)).reduce((a, b) => a + b);
    return { print: () => print({ bytes: Math.round(bytes / job.workers) }) };
}

// Node has no timer finer than a millisecond, so the primary looks at the clock in each turn of its event loop, and never
// sleeps. This spares it the wake-ups that the other systems' masters have.
async function measureLatency(job, serialization) {
    const [caller] = await forkCallers(job, serialization);
    await callOnce(caller);
    const schedule = new Schedule(job);
    await new Promise((resolve) => {
        function start() {
            const index = schedule.take();
            caller.call(() => {
                if (schedule.finish(index)) resolve();
            });
        }
        function turn() {
            for (let n = schedule.due(); n > 0; n--) start();
            if (schedule.started < schedule.total) setImmediate(turn);
        }
        turn();
    });
    return schedule;
}

const measure = {
    unary: measureCalls,
    put: measureCalls,
    workers: measureCalls,
    "unary-up": answerWorker,
    stream: measureStream,
    spawn: measureSpawn,
    kill: measureKill,
    idle: measureIdle,
    latency: measureLatency,
};

async function runPrimary(job, serialization) {
    cluster.setupPrimary({ serialization });
    const result = await measure[job.kind](job, serialization);
    result.print();
    await Promise.all([...running].map((worker) => endWorker(worker)));
    process.exit(0);
}

module.exports = { runPrimary };
