#!/bin/sh
# statuses.sh DOCUMENT TESTS_DIR: every row of the document's tables names a test, `PROGRAM "CASE"`, which exists below
# TESTS_DIR and passes.
set -eu
document=$1
tests=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# A row begins with a bar and is neither the head of its table nor the line below that.
grep '^|' "$document" | grep -v -e '^| event |' -e '^|---' > "$work/rows"
grep -v '| `[a-z0-9_]* "[^"]*"` |$' "$work/rows" > "$work/without" || true
if [ -s "$work/without" ]; then
    echo "rows without a test:"
    cat "$work/without"
    failed=1
fi
sed -n 's/.*| `\([a-z0-9_]*\) "\([^"]*\)"` |$/\1 \2/p' "$work/rows" | sort -u > "$work/named"
[ -s "$work/named" ] || { echo "no row names a test"; exit 1; }

for program in $(cut -d' ' -f1 "$work/named" | sort -u); do
    path=$(find "$tests" -type f -name "$program" -perm -u+x)
    if [ -z "$path" ]; then
        echo "there is no program $program"
        failed=1
        continue
    fi
    "$path" --list | sed 's|^[^/]*/||' > "$work/cases"
    set --
    sed -n "s/^$program //p" "$work/named" > "$work/wanted"
    while IFS= read -r case; do
        if grep -Fxq "$case" "$work/cases"; then
            set -- "$@" "*/$case"
        else
            echo "$program has no case \"$case\""
            failed=1
        fi
    done < "$work/wanted"
    if [ $# -gt 0 ] && ! "$path" "$@" > "$work/output" 2>&1; then
        cat "$work/output"
        failed=1
    fi
done
echo "$(wc -l < "$work/rows") rows, $(wc -l < "$work/named") tests"
exit $failed
