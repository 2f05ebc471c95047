// The clocks of common/meter.h and common/latency.h, for Node. Times are in milliseconds, as performance.now() has them.
"use strict";

const { performance } = require("perf_hooks");

function print(result) {
    console.log(JSON.stringify(result));
}

// Counts operations for a job's time, after a warm-up of a fifth of that which begins with the first of them. Reads the
// clock about every millisecond. The same as struct bench_meter.
class Meter {
    constructor(job) {
        this.length = job.seconds * 1e3;
        this.nextLook = 1;
        this.warm = false;
        this.over = false;
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
        return this.over || (++this.ops >= this.nextLook && this.look());
    }

    look() {
        const now = performance.now();
        let stride = 1;
        if (this.start === undefined) {
            this.restart(now);
        } else if (this.warm && now - this.start >= this.length) {
            this.elapsed = now - this.start;
            this.over = true;
        } else {
            stride = Math.max(1, Math.floor((this.ops - this.lastLook.ops) / (now - this.lastLook.time)));
            this.lastLook = { ops: this.ops, time: now };
            if (!this.warm && now - this.start >= this.length / 5) {
                this.warm = true;
                this.restart(now);
            }
        }
        this.nextLook = this.ops + stride;
        return this.over;
    }

    print() {
        print({ ops: this.ops, ns: Math.round(this.elapsed * 1e6) });
    }
}

// Sums spans. The same as struct bench_spans: the first is not counted, nor is one that begins in the first fifth, and
// one is always counted.
class Spans {
    constructor(job) {
        this.length = job.seconds * 1e3;
        this.ops = 0;
        this.sum = 0;
        this.countFrom = undefined;
    }

    begin() {
        this.start = performance.now();
    }

    // True when the time is up.
    end() {
        const now = performance.now();
        if (this.countFrom === undefined) {
            this.countFrom = now + this.length / 5;
        } else if (this.start >= this.countFrom) {
            this.ops++;
            this.sum += now - this.start;
        }
        return this.ops > 0 && now - this.countFrom >= this.length;
    }

    print() {
        print({ ops: this.ops, ns: Math.round(this.sum * 1e6) });
    }
}

// An open loop's schedule, and how late its operations finished. The same as struct bench_latency, but that the
// latencies are kept as they are.
class Schedule {
    constructor(job) {
        const count = Math.floor(job.rate * job.seconds);
        this.interval = 1e3 / job.rate;
        this.warmUp = Math.floor((job.rate * job.seconds) / 5);
        this.total = count + 1 + this.warmUp;
        this.started = 0;
        this.finished = 0;
        this.latencies = new Float64Array(count + 1);
        this.start = performance.now();
    }

    // How many operations are to be started now.
    due() {
        const passed = Math.floor((performance.now() - this.start) / this.interval) + 1;
        return Math.min(passed, this.total) - this.started;
    }

    // An operation is being started. Its place in the schedule.
    take() {
        return this.started++;
    }

    // An operation has finished. True when it was the last.
    finish(index) {
        if (index >= this.warmUp) {
            this.latencies[index - this.warmUp] = performance.now() - (this.start + index * this.interval);
        }
        return ++this.finished === this.total;
    }

    print() {
        const sorted = this.latencies.sort();
        const quantile = (part) => Math.round(sorted[Math.ceil(sorted.length * part) - 1] * 1e6);
        print({ ops: sorted.length, p50_ns: quantile(0.5), p99_ns: quantile(0.99), p999_ns: quantile(0.999) });
    }
}

module.exports = { Meter, Schedule, Spans, print };
