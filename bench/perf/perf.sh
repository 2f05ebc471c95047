#!/usr/bin/env bash
# Counts the instructions of each stage of a call with callgrind and compares them with budget.txt. `./dev perf` runs
# it; docs/performance.md says what it counts and what to do when it fails.
#
#   perf.sh PROGRAM              the table; fails when something is over its budget
#   perf.sh PROGRAM --update     make what is counted the budget, and the table of docs/performance.md
#   perf.sh PROGRAM --functions  instead, the twenty functions of each case and side in which most is run
#
# Exits with 77 when the budget is that of another compiler or library, so that there is nothing to compare with.
set -euo pipefail
export LC_ALL=C # for the decimal point

program=$(readlink -f "$1")
mode=${2-}
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
document=$here/../../docs/performance.md
work=$(dirname "$program")/counts

say() { printf 'perf: %s\n' "$*" >&2; }

# What the counts depend on besides this repository's code.
environment() {
    "$program" --environment | sed 's/^/# /'
}

# count_case CASE: run it under callgrind. glibc has several memcpy() and takes the one that suits the processor; here
# it is everywhere the same. An environment that is always the same keeps the stack where it is.
count_case() {
    env -i GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX_Fast_Unaligned_Load,-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM,-SSSE3 \
        "$(command -v valgrind)" --tool=callgrind --quiet --toggle-collect=count_turns --separate-callers=60 \
        --compress-strings=no --compress-pos=no --callgrind-out-file="$work/$1.out" \
        "$program" "$1" >"$work/$1.operations"
}

# report CASE [OPTION…]: lines "CASE side stage instructions" in no order.
report() {
    local perf_case=$1
    shift
    awk -v perf_case="$perf_case" -v operations="$(cut -d ' ' -f 2 "$work/$perf_case.operations")" "$@" \
        -f "$here/count.awk" "$here/stages.txt" "$work/$perf_case.out"
}

# The stages of one case and side in the order in which they come, and their sum.
stages_in_order() {
    awk '
        { value[$2, $3] = $4; sum[$2] += $4; perf_case = $1 }
        END {
            sides = split("master worker", side, " ")
            stages = split("start encode frame send dispatch decode complete", stage, " ")
            for (s = 1; s <= sides; s++) {
                for (i = 1; i <= stages; i++)
                    if ((side[s], stage[i]) in value)
                        print perf_case, side[s], stage[i], value[side[s], stage[i]]
                printf "%s %s all %.1f\n", perf_case, side[s], sum[side[s]]
            }
        }'
}

most_run_functions() {
    local perf_case side
    for perf_case in "${cases[@]}"; do
        for side in master worker; do
            printf '\n%s, %s\n' "$perf_case" "$side"
            report "$perf_case" -v functions=1 | awk -v side="$side" '$2 == side { printf "%8.1f  %s\n", $4, $3 }' |
                sort -rn | sed 20q
        done
    done
}

# The document with the budget as its table.
document_of_budget() {
    awk -f "$here/matrix.awk" "$here/budget.txt" >"$work/table.md"
    sed -e '/^<!-- budget/,/^<!-- end of budget/ { /^<!--/!d }' -e "/^<!-- budget/r $work/table.md" "$document"
}

mkdir -p "$work"
mapfile -t cases < <("$program" --list)
export -f count_case
export program work
printf '%s\n' "${cases[@]}" | xargs -n 1 -P "$(nproc)" bash -euc 'count_case "$0"'
for perf_case in "${cases[@]}"; do
    report "$perf_case" | stages_in_order
done >"$work/counts.txt"

case $mode in
    --functions) most_run_functions ;;
    --update)
        {
            echo "# Instructions per operation: case, side, stage. Made by \`./dev perf --update\` with:"
            environment
            cat "$work/counts.txt"
        } >"$here/budget.txt"
        document_of_budget >"$work/performance.md"
        cat "$work/performance.md" >"$document"
        say "wrote bench/perf/budget.txt and the table of docs/performance.md"
        ;;
    "")
        if ! grep -q '^# compiler' "$here/budget.txt"; then
            say "bench/perf/budget.txt is not what --update writes"
            exit 1
        fi
        if ! environment | diff <(grep '^#' "$here/budget.txt" | sed 1d) - >"$work/environment.diff"; then
            awk -f "$here/matrix.awk" "$work/counts.txt"
            say "skipped: the budget is for (<), and here is (>):"
            grep '^[<>]' "$work/environment.diff" >&2
            exit 77
        fi
        awk -f "$here/compare.awk" "$here/budget.txt" "$work/counts.txt"
        if ! document_of_budget | cmp -s - "$document"; then
            say "the table of docs/performance.md is not that of the budget: ./dev perf --update"
            exit 1
        fi
        ;;
    *)
        say "takes --update, --functions or nothing"
        exit 2
        ;;
esac
