#!/bin/sh
# Compiles every public header alone and twice, with warnings as errors.
# Usage: compile_alone.sh COMPILER INCLUDE_DIR GENERATED_DIR
set -u
compiler=$1
include=$2
generated=$3

case $compiler in
*++) language='c++ -std=c++17' ;;
*) language='c -std=c11' ;;
esac

# control.pb.h is nanopb's and stays inside the library.
headers=$( (cd "$include" && find . -name '*.h') && (cd "$generated" && find . -name '*.h' ! -name 'control.pb.h'))
failed=0
count=0
for header in $headers; do
    header=${header#./}
    count=$((count + 1))
    # shellcheck disable=SC2086
    if ! printf '#include <%s>\n#include <%s>\n' "$header" "$header" |
        "$compiler" -x $language -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$include" -I"$generated" -; then
        echo "FAIL $header"
        failed=$((failed + 1))
    fi
done
echo "$count headers, $failed failed"
[ "$count" -gt 4 ] && [ "$failed" -eq 0 ]
