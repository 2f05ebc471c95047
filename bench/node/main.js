// What both programs do. The command line and the output are those of common/bench.h.
"use strict";

const cluster = require("cluster");

const { fail, parseJob } = require("./job.js");
const { runPrimary } = require("./primary.js");
const { runWorker } = require("./worker.js");

// How long a program may hang beyond its time: as any other, and longer for each worker, whose start keeps a CPU busy for
// a twentieth of a second and more.
const HANG_SECONDS = 20;
const HANG_SECONDS_PER_WORKER = 1;

function main(serialization) {
    const words = process.argv.slice(2);
    if (words[0] === "--version") {
        console.log(`Node ${process.version}, cluster module, ${serialization === "json" ? "JSON" : serialization}`);
        return;
    }
    const job = parseJob(words);
    if (cluster.isPrimary) {
        const limit = job.seconds * 2 + HANG_SECONDS + job.workers * HANG_SECONDS_PER_WORKER;
        setTimeout(() => fail("it hangs"), limit * 1e3);
        runPrimary(job, serialization).catch((error) => fail(error.stack));
    } else {
        runWorker(job, serialization);
    }
}

module.exports = main;
