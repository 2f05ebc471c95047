#!/bin/sh
# outoftree.sh BUILD_DIR [SANITIZERS]
#
# Install a build into a prefix, move that prefix, and build a small project against it: with CMake's find_package(),
# and with a plain Makefile through pkg-config. Run both.
set -eu
build=$1 sanitizers=${2:-}
project=$(dirname "$(realpath "$0")")/project

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
