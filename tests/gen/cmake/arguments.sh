#!/bin/sh
# arguments.sh YOKE_GENERATE_CMAKE: what yoke_generate() says of wrong arguments. Each case is a project of its own.
set -eu
yoke_generate=$1

work=$(mktemp -d "${TMPDIR:-/tmp}/yoke-arguments-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/source" "$work/source/sub"
cd "$work/source"
printf 'syntax = "proto3";\n' > a.proto
printf 'syntax = "proto3";\n' > ../outside.proto
failures=0
languages=NONE

# expect MESSAGE: the CMake code on standard input fails with it. CMake wraps its messages, so spaces are not compared.
expect() {
    {
        echo 'cmake_minimum_required(VERSION 3.20)'
        echo "project(arguments LANGUAGES $languages)"
        echo "include(\"$yoke_generate\")"
        echo 'add_executable(app main.c)'
        cat
    } > CMakeLists.txt
    rm -rf ../build
    if cmake -S . -B ../build > ../log 2>&1; then
        echo "not refused: $1"
        failures=$((failures + 1))
    elif ! tr -d ' \n' < ../log | grep -qF "$(printf '%s' "$1" | tr -d ' ')"; then
        echo "refused in other words: $1"
        cat ../log
        failures=$((failures + 1))
    else
        echo "ok  $1"
    fi
}

expect 'yoke_generate: TARGET is missing; name the target that the generated code goes into' << 'END'
yoke_generate(PROTOS a.proto)
END
expect 'yoke_generate: PROTOS is missing; list the .proto files to generate from' << 'END'
yoke_generate(TARGET app)
END
expect 'yoke_generate: PROTOS is missing' << 'END'
yoke_generate(TARGET app PROTOS)
END
expect 'yoke_generate: unknown argument "a.proto"; it takes TARGET, PROTOS and IMPORT_DIRS' << 'END'
yoke_generate(a.proto TARGET app PROTOS a.proto)
END
expect 'yoke_generate: unknown argument "CODEC;nanopb"' << 'END'
yoke_generate(TARGET app CODEC nanopb PROTOS a.proto)
END
expect 'yoke_generate: there is no target "ap"; call add_executable() or add_library() first' << 'END'
yoke_generate(TARGET ap PROTOS a.proto)
END
expect 'yoke_generate: "interface" cannot take sources; name an executable, or a library that is compiled' << 'END'
add_library(interface INTERFACE)
yoke_generate(TARGET interface PROTOS a.proto)
END
expect 'yoke_generate: "alias" cannot take sources' << 'END'
add_executable(alias ALIAS app)
yoke_generate(TARGET alias PROTOS a.proto)
END
expect "yoke_generate: \"app\" is a target of $work/source; call yoke_generate() there" << 'END'
file(WRITE sub/CMakeLists.txt "yoke_generate(TARGET app PROTOS a.proto)")
add_subdirectory(sub)
END
expect 'yoke_generate: the generated code is C; add C to the LANGUAGES of project()' << 'END'
yoke_generate(TARGET app PROTOS a.proto)
END

languages=C
expect 'yoke_generate: there is no b.proto in the current source directory or in IMPORT_DIRS' << 'END'
yoke_generate(TARGET app PROTOS a.proto b.proto IMPORT_DIRS sub)
END
expect "yoke_generate: $work/outside.proto is below no import directory; add one that holds it to IMPORT_DIRS" << 'END'
yoke_generate(TARGET app PROTOS ../outside.proto)
END
expect 'yoke_generate: a.proto is generated for "app" twice; list it once' << 'END'
yoke_generate(TARGET app PROTOS a.proto)
yoke_generate(TARGET app PROTOS a.proto)
END
expect 'yoke_generate: no protoc; install it (Debian: protobuf-compiler) or set YOKE_PROTOC' << 'END'
set(CMAKE_FIND_ROOT_PATH /nowhere)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM ONLY)
yoke_generate(TARGET app PROTOS a.proto)
END
expect 'yoke_generate: no protoc-gen-c; install it (Debian: protobuf-c-compiler) or set YOKE_PROTOC_GEN_C' << 'END'
set(YOKE_PROTOC protoc)
set(CMAKE_FIND_ROOT_PATH /nowhere)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM ONLY)
yoke_generate(TARGET app PROTOS a.proto)
END
expect 'yoke_generate: no google/protobuf/descriptor.proto; install it (Debian: libprotobuf-dev) or set' << 'END'
set(CMAKE_FIND_ROOT_PATH /nowhere)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
yoke_generate(TARGET app PROTOS a.proto)
END
exit "$failures"
