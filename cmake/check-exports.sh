#!/bin/sh
# check-exports.sh LIBRARY INCLUDE_DIR...: the shared library exports the functions that <yoke/yoke.h> declares, no more
# and no fewer, and beside them only the generated messages.
set -eu

library=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# After preprocessing, a declaration is what ends in a semicolon and has a name before a parenthesis.
includes=
for dir in "$@"; do
    includes="$includes -I$dir"
done
# shellcheck disable=SC2086  # the include options are words of their own
printf '#include <yoke/yoke.h>\n' | ${CC:-cc} -E -P -x c $includes - | tr '\n;' ' \n' | grep -v '^ *typedef' |
    grep -o '\<yoke_[a-z0-9_]*(' | tr -d '(' | sort -u >"$work/declared"

nm -D --defined-only "$library" | sed 's/@.*//' >"$work/symbols"
awk '$2 == "T" { print $3 }' "$work/symbols" | grep '^yoke_[^_]' | sort >"$work/exported"

status=0
if ! diff "$work/declared" "$work/exported"; then
    echo "declared in the headers (<) and exported from $library (>) differ"
    status=1
fi
if awk '$2 != "A" { print $3 }' "$work/symbols" |
    grep -v -e '^yoke_[^_]' -e '^yoke__v1__' -e '^google__protobuf__'; then
    echo "these names must not leave $library"
    status=1
fi
exit $status
