# yoke_generate(TARGET target PROTOS file.proto... [IMPORT_DIRS dir...])
#
# Generates C from .proto files, with protoc-c (messages) and protoc-gen-yoke (services and events), and adds it to a
# target of the same directory. The target, and who links it when it is a library, can include "file.pb-c.h" and
# "file.yoke.h", and is linked with yoke::yoke unless it is linked with a libyoke already.
#
# A .proto is named by its path below the first import directory that holds it; that path is how other files import it
# and how its headers are included. Import directories are IMPORT_DIRS, then the current source directory, then those of
# Yoke's own protos and of protobuf's. The code is in <current binary dir>/yoke_generated/<target>.

# Run as a script, with -DYOKE_DEPFILE=file -P: escape the spaces within the paths of a dependency file, which protoc
# does not. It writes "output \", "output: input\", " input\", " input", each on a line.
if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
    cmake_minimum_required(VERSION 3.20)
    file(READ ${YOKE_DEPFILE} text)
    string(REPLACE " \\\n" "\n" text "${text}")
    string(REPLACE "\\\n " "\n" text "${text}")
    string(REPLACE ": " "\n:\n" text "${text}")
    string(REPLACE " " "\\ " text "${text}")
    string(REPLACE "\n:\n" ": " text "${text}")
    string(REPLACE "\n" " \\\n" text "${text}")
    file(WRITE ${YOKE_DEPFILE} "${text}\n")
    return()
endif()

cmake_policy(PUSH)
cmake_policy(VERSION 3.20)

# Directories do not share variables, so what is found here is kept where every caller sees it.
if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/../proto/yoke/v1/options.proto)
    get_filename_component(yoke_own_protos ${CMAKE_CURRENT_LIST_DIR}/../proto ABSOLUTE)
else()
    set(yoke_own_protos ${YOKE_PROTO_DIR})
endif()
set_property(GLOBAL PROPERTY YOKE_OWN_PROTOS ${yoke_own_protos})
unset(yoke_own_protos)

function(yoke_generate)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" TARGET "PROTOS;IMPORT_DIRS")
    yoke__check_arguments()
    yoke__find_tools()

    set(out ${CMAKE_CURRENT_BINARY_DIR}/yoke_generated/${arg_TARGET})
    get_property(own_protos GLOBAL PROPERTY YOKE_OWN_PROTOS)
    set(roots "")
    foreach(dir IN LISTS arg_IMPORT_DIRS ITEMS ${CMAKE_CURRENT_SOURCE_DIR} ${own_protos} ${YOKE_WKT_PROTO_DIR})
        get_filename_component(dir ${dir} ABSOLUTE)
        list(APPEND roots ${dir})
    endforeach()
    list(REMOVE_DUPLICATES roots)

    foreach(proto IN LISTS arg_PROTOS)
        yoke__find_proto(${proto} "${roots}" path name)
        yoke__generate_one(${arg_TARGET} ${path} ${name} "${roots}" ${out})
    endforeach()
    yoke__use(${arg_TARGET} ${out})
endfunction()

# Reads the caller's arg_ variables.
function(yoke__check_arguments)
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "yoke_generate: unknown argument \"${arg_UNPARSED_ARGUMENTS}\"; "
                            "it takes TARGET, PROTOS and IMPORT_DIRS")
    endif()
    if(NOT arg_TARGET)
        message(FATAL_ERROR "yoke_generate: TARGET is missing; name the target that the generated code goes into")
    endif()
    if(NOT arg_PROTOS)
        message(FATAL_ERROR "yoke_generate: PROTOS is missing; list the .proto files to generate from")
    endif()
    if(NOT TARGET ${arg_TARGET})
        message(FATAL_ERROR "yoke_generate: there is no target \"${arg_TARGET}\"; call add_executable() or "
                            "add_library() first")
    endif()
    get_target_property(type ${arg_TARGET} TYPE)
    get_target_property(aliased ${arg_TARGET} ALIASED_TARGET)
    get_target_property(imported ${arg_TARGET} IMPORTED)
    if(aliased OR imported OR NOT type MATCHES "^(EXECUTABLE|(STATIC|SHARED|MODULE|OBJECT)_LIBRARY)$")
        message(FATAL_ERROR "yoke_generate: \"${arg_TARGET}\" cannot take sources; name an executable, or a library "
                            "that is compiled")
    endif()
    get_target_property(dir ${arg_TARGET} SOURCE_DIR)
    if(NOT dir STREQUAL CMAKE_CURRENT_SOURCE_DIR)
        message(FATAL_ERROR "yoke_generate: \"${arg_TARGET}\" is a target of ${dir}; call yoke_generate() there")
    endif()
    get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
    if(NOT "C" IN_LIST languages)
        message(FATAL_ERROR "yoke_generate: the generated code is C; add C to the LANGUAGES of project()")
    endif()
endfunction()

# These are cache variables, so that a user can point at others.
function(yoke__find_tools)
    find_program(YOKE_PROTOC protoc)
    find_program(YOKE_PROTOC_GEN_C protoc-gen-c)
    find_path(YOKE_WKT_PROTO_DIR google/protobuf/descriptor.proto)
    mark_as_advanced(YOKE_PROTOC YOKE_PROTOC_GEN_C YOKE_WKT_PROTO_DIR)
    if(NOT YOKE_PROTOC)
        message(FATAL_ERROR "yoke_generate: no protoc; install it (Debian: protobuf-compiler) or set YOKE_PROTOC")
    endif()
    if(NOT YOKE_PROTOC_GEN_C)
        message(FATAL_ERROR "yoke_generate: no protoc-gen-c; install it (Debian: protobuf-c-compiler) or set "
                            "YOKE_PROTOC_GEN_C")
    endif()
    if(NOT YOKE_WKT_PROTO_DIR)
        message(FATAL_ERROR "yoke_generate: no google/protobuf/descriptor.proto; install it (Debian: "
                            "libprotobuf-dev) or set YOKE_WKT_PROTO_DIR")
    endif()
endfunction()

# The absolute path of a .proto and its name, which is the path below its import directory. A relative path is below the
# current source directory or, when there is no such file, below an import directory.
function(yoke__find_proto proto roots ret_path ret_name)
    get_filename_component(path ${proto} ABSOLUTE)
    get_source_file_property(generated ${path} GENERATED)
    if(NOT EXISTS ${path} AND NOT generated)
        foreach(root IN LISTS roots)
            if(NOT IS_ABSOLUTE ${proto} AND EXISTS ${root}/${proto})
                set(path ${root}/${proto})
                break()
            endif()
        endforeach()
    endif()
    if(NOT EXISTS ${path} AND NOT generated)
        message(FATAL_ERROR "yoke_generate: there is no ${proto} in the current source directory or in IMPORT_DIRS")
    endif()
    foreach(root IN LISTS roots)
        file(RELATIVE_PATH name ${root} ${path})
        if(NOT name MATCHES "^\\.\\./" AND NOT IS_ABSOLUTE "${name}")
            set(${ret_path} ${path} PARENT_SCOPE)
            set(${ret_name} ${name} PARENT_SCOPE)
            return()
        endif()
    endforeach()
    message(FATAL_ERROR "yoke_generate: ${path} is below no import directory; add one that holds it to IMPORT_DIRS")
endfunction()

function(yoke__generate_one target path name roots out)
    get_target_property(names ${target} YOKE_PROTO_NAMES)
    if(name IN_LIST names)
        message(FATAL_ERROR "yoke_generate: ${name} is generated for \"${target}\" twice; list it once")
    endif()
    set_property(TARGET ${target} APPEND PROPERTY YOKE_PROTO_NAMES ${name})

    string(REGEX REPLACE "\\.proto(devel)?$" "" base ${out}/${name})
    set(sources ${base}.pb-c.c ${base}.yoke.c)
    set(headers ${base}.pb-c.h ${base}.yoke.h)
    get_filename_component(folder ${base} DIRECTORY)
    set(imports ${roots})
    list(TRANSFORM imports PREPEND -I)
    # The first output is the one that protoc names first in its dependency file, where Ninja looks for it. Our plugin
    # runs first: what it refuses, it explains, and protoc-gen-c crashes on some of that.
    add_custom_command(OUTPUT ${sources} ${headers}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
        COMMAND ${YOKE_PROTOC} ${imports} --plugin=protoc-gen-yoke=$<TARGET_FILE:yoke::protoc-gen-yoke>
                --plugin=protoc-gen-c=${YOKE_PROTOC_GEN_C} --dependency_out=${base}.d
                --yoke_out=${out} --c_out=${out} ${path}
        COMMAND ${CMAKE_COMMAND} -DYOKE_DEPFILE=${base}.d -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
        DEPENDS ${path} $<TARGET_FILE:yoke::protoc-gen-yoke>
        DEPFILE ${base}.d
        COMMENT "yoke_generate ${name}" VERBATIM)

    # Generated code is not for the warnings, or the -Werror, that the target has for its own.
    set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS -w SKIP_UNITY_BUILD_INCLUSION ON)
    target_sources(${target} PRIVATE ${sources} ${headers})
endfunction()

# Not target_link_libraries(): a target cannot be given libraries both with and without keywords, and which of the two
# its owner prefers is not ours to say.
function(yoke__use target out)
    target_include_directories(${target} SYSTEM PUBLIC $<BUILD_INTERFACE:${out}>)
    get_target_property(libraries ${target} LINK_LIBRARIES)
    foreach(library IN ITEMS yoke::yoke yoke::yoke_static yoke_shared yoke_static)
        if(library IN_LIST libraries)
            return()
        endif()
    endforeach()
    set_property(TARGET ${target} APPEND PROPERTY LINK_LIBRARIES yoke::yoke)
    set_property(TARGET ${target} APPEND PROPERTY INTERFACE_LINK_LIBRARIES yoke::yoke)
endfunction()

cmake_policy(POP)
