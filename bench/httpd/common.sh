# shellcheck shell=bash disable=SC2034
# common.sh: what compare and torture share: servers that are started and ended, wrk, and what it says.

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=$(readlink -f "$here/../..")
httpd=${HTTPD:-$root/build/release/examples/httpd/httpd}
port=${PORT:-18080}
workers=$(nproc)
connections=64
warm_up=3 # seconds; Node compiles what it runs, while it runs

scratch=$(mktemp -d)
log=$scratch/log
pids=()

say() { printf '%s\n' "$*"; }
die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Nothing that was started outlives the script.
clean_up() {
    local pid
    for pid in "${pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    rm -rf "$scratch"
}
trap clean_up EXIT

# How many lines of the server's log match.
lines() { grep -c "$1" "$log" || true; }

# await COUNT PATTERN: until so many lines of the log match; half a minute is too long.
await() {
    local tries=0
    until (($(lines "$2") >= $1)); do
        ((++tries < 1500)) || die "the server does not say \"$2\" $1 times: $(tail -n 3 "$log")"
        sleep 0.02
    done
}

# start COMMAND…: a server, which says "listens at"; its process is `server`.
start() {
    : >"$log"
    "$@" >>"$log" 2>&1 &
    server=$!
    pids+=("$server")
    await 1 "listens at"
}

start_yoke() {
    start "$httpd" --verbose --listen "tcp:127.0.0.1:$port" --workers "$workers"
    await "$workers" " ready after "
}

start_node() {
    start node "$root/examples/httpd/httpd.js" "$port" "$workers"
}

# stop PID: by SIGTERM; what does not end is killed in the end.
stop() {
    local tries=0
    kill -TERM "$1"
    while kill -0 "$1" 2>/dev/null && ((++tries < 500)); do
        sleep 0.02
    done
}

# run_wrk SECONDS [PATH]: its summary, in the variables named below.
run_wrk() {
    start_wrk "$@"
    end_wrk
}

start_wrk() {
    wrk -t 1 -c "$connections" -d "$1" -s "$here/summary.lua" "http://127.0.0.1:$port${2:-/}" >"$scratch/wrk" &
    wrk=$!
    pids+=("$wrk")
}

end_wrk() {
    wait "$wrk" || die "wrk failed: $(cat "$scratch/wrk")"
    # shellcheck disable=SC2034
    read -r _ requests microseconds connect_errors read_errors write_errors status_errors timeouts p50 p90 p99 \
        < <(grep '^summary ' "$scratch/wrk")
    per_second=$((requests * 1000000 / microseconds))
}

errors() { echo $((connect_errors + read_errors + write_errors + status_errors + timeouts)); }
