# libyoke: the four object libraries joined, once as a shared library and once as an archive.

set(yoke_parts yoke_proto yoke_rpc yoke_master yoke_worker)

function(yoke_library target type)
    add_library(${target} ${type})
    foreach(part IN LISTS yoke_parts)
        target_sources(${target} PRIVATE $<TARGET_OBJECTS:${part}>)
    endforeach()
    set_target_properties(${target} PROPERTIES OUTPUT_NAME yoke)
    target_include_directories(${target} PUBLIC
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
        $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/yoke/wkt>)
    target_link_libraries(${target} PUBLIC PkgConfig::YOKE_PROTOBUF_C yoke::libev PRIVATE yoke::nanopb PkgConfig::YOKE_SECCOMP)
    # A target elsewhere that includes a generated header must not be compiled before that header exists.
    add_dependencies(${target} yoke_generated)
endfunction()

yoke_library(yoke_static STATIC)
yoke_library(yoke_shared SHARED)

# The public headers carry no visibility attributes, so nothing is hidden at compile time and the map alone decides
# what leaves the library.
set_target_properties(yoke_shared PROPERTIES
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}
    LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/yoke.map)
target_link_options(yoke_shared PRIVATE LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/yoke.map)
if(NOT YOKE_SANITIZE)
    # Sanitizer runtimes are resolved by the executable, so this check is for plain builds only.
    target_link_options(yoke_shared PRIVATE LINKER:--no-undefined)
endif()

if(YOKE_COVERAGE)
    # The library alone: each process that ends writes the counters of all that has any.
    foreach(part yoke_rpc yoke_master yoke_worker)
        target_compile_options(${part} PRIVATE --coverage -fprofile-update=prefer-atomic)
    endforeach()
    # A shared library has counters of its own, which a program cannot save at its _exit().
    add_library(yoke::yoke ALIAS yoke_static)
else()
    add_library(yoke::yoke ALIAS yoke_shared)
endif()
add_library(yoke::yoke_static ALIAS yoke_static)
add_executable(yoke::protoc-gen-yoke ALIAS protoc-gen-yoke)

if(YOKE_TESTS)
    add_test(NAME exports COMMAND ${PROJECT_SOURCE_DIR}/cmake/check-exports.sh $<TARGET_FILE:yoke_shared>
        ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/generated)
    set_tests_properties(exports PROPERTIES ENVIRONMENT "CC=${CMAKE_C_COMPILER}")
endif()
