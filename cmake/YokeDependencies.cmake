# The libraries that Yoke is made of, as imported targets. Used by Yoke's own build and, installed beside
# yokeConfig.cmake, by the builds of its users: one place says how they are found.
#
# PkgConfig::YOKE_PROTOBUF_C   libprotobuf-c; generated code calls it
# yoke::libev                  libev; users make the loop with it
# yoke::nanopb                 nanopb; only who links libyoke.a needs it
# PkgConfig::YOKE_SECCOMP      libseccomp; the same
#
# A target that could not be found is not there; who includes this file says what that means. YOKE_MISSING lists what
# every user needs and has not.

find_package(PkgConfig REQUIRED)
pkg_check_modules(YOKE_PROTOBUF_C QUIET IMPORTED_TARGET GLOBAL libprotobuf-c>=1.4)
pkg_check_modules(YOKE_SECCOMP QUIET IMPORTED_TARGET GLOBAL libseccomp>=2.5)

# Debian ships neither a .pc nor a CMake file for libev, so it is looked for by hand; nanopb's own CMake file is not
# used because it insists on a generator beside it.
function(yoke_find_library target header library)
    if(TARGET ${target})
        return()
    endif()
    string(TOUPPER "YOKE_${library}" prefix)
    find_path(${prefix}_INCLUDE_DIR ${header})
    find_library(${prefix}_LIBRARY ${library})
    mark_as_advanced(${prefix}_INCLUDE_DIR ${prefix}_LIBRARY)
    if(${prefix}_INCLUDE_DIR AND ${prefix}_LIBRARY)
        add_library(${target} UNKNOWN IMPORTED GLOBAL)
        set_target_properties(${target} PROPERTIES
            IMPORTED_LOCATION ${${prefix}_LIBRARY}
            INTERFACE_INCLUDE_DIRECTORIES ${${prefix}_INCLUDE_DIR})
    endif()
endfunction()

yoke_find_library(yoke::libev ev.h ev)
yoke_find_library(yoke::nanopb pb_decode.h protobuf-nanopb)

set(YOKE_MISSING "")
if(NOT TARGET PkgConfig::YOKE_PROTOBUF_C)
    string(APPEND YOKE_MISSING " protobuf-c >= 1.4 (Debian: libprotobuf-c-dev)")
endif()
if(NOT TARGET yoke::libev)
    string(APPEND YOKE_MISSING " libev (Debian: libev-dev)")
endif()
