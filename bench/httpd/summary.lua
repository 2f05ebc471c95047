-- What wrk has to say, in one line for scripts: requests, microseconds, errors of connect, read, write, status and timeout, and
-- the latency's 50th, 90th and 99th percentile in microseconds.
function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format("summary %d %d %d %d %d %d %d %d %d %d\n", summary.requests, summary.duration, errors.connect,
        errors.read, errors.write, errors.status, errors.timeout, latency:percentile(50), latency:percentile(90),
        latency:percentile(99)))
end
