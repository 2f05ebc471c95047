#!/bin/sh
# outoftree.sh BUILD_DIR [SANITIZERS]
#
# Install a build into a prefix, move that prefix, and build a small project against it: with CMake's find_package(),
# and with a plain Makefile through pkg-config. Run both. Then do the same with the program in README.md, so that it stays
# true.
set -eu
build=$1 sanitizers=${2:-}
here=$(dirname "$(realpath "$0")")
project=$here/project
readme=$here/../../README.md

work=$(mktemp -d "${TMPDIR:-/tmp}/yoke-outoftree-XXXXXX")
trap 'rm -rf "$work"' EXIT
cp -R "$project" "$work/project"
cd "$work/project"

# Run a step quietly; show what it said when it fails.
step() {
    what=$1
    shift
    "$@" > "$work/log" 2>&1 || { echo "failed: $what"; cat "$work/log"; exit 1; }
    echo "ok  $what"
}

# A program that uses a sanitized library must be sanitized as well.
if [ -n "$sanitizers" ]; then
    CFLAGS="-g -fsanitize=$sanitizers -fno-sanitize-recover=all"
    export CFLAGS
fi

step "install" cmake --install "$build" --prefix "$work/installed"
mv "$work/installed" "$work/moved"
prefix=$work/moved

step "configure with find_package" cmake -S . -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix"
grep -q "^yoke_DIR:PATH=$prefix/" "$work/cmake/CMakeCache.txt" || { echo "found another yoke"; exit 1; }
step "build with CMake" cmake --build "$work/cmake"
step "run what CMake built" timeout 60 "$work/cmake/clock"
cat "$work/log"

pc=$(find "$prefix" -name yoke.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
LD_LIBRARY_PATH=$(pkg-config --variable=libdir "$pc")
export PKG_CONFIG_PATH LD_LIBRARY_PATH
mkdir "$work/make"
step "build with make" make OUT="$work/make"
step "run what make built" timeout 60 "$work/make/clock"
cat "$work/log"

# Each file of README.md's program is the fenced block behind a line that names it.
mkdir "$work/readme"
awk -v out="$work/readme" '
    /^<!-- file: .* -->$/ { file = out "/" $3; next }
    /^```/ { inside = !inside && file != ""; if (!inside) file = ""; next }
    inside { print > file }
' "$readme"
for file in greeter.proto CMakeLists.txt main.c; do
    [ -s "$work/readme/$file" ] || { echo "README.md has no $file"; exit 1; }
done
step "configure README.md's program" cmake -S "$work/readme" -B "$work/greeter" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_FLAGS="${CFLAGS:-} -Wall -Wextra -Werror"
step "build README.md's program" cmake --build "$work/greeter"
timeout 60 "$work/greeter/greeter" > "$work/said" 2> "$work/deaths" || { echo "failed: run README.md's program"; exit 1; }
grep -qx "Hello, world, from worker [0-9]*" "$work/said" && [ "$(wc -l < "$work/said")" = 1 ] ||
    { echo "README.md's program said something else:"; cat "$work/said"; exit 1; }
grep -q "was told to stop and exited with code 0" "$work/deaths" || { echo "no death was told:"; cat "$work/deaths"; exit 1; }
echo "ok  run README.md's program"
