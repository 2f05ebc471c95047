# What `cmake --install` puts where. The prefix can be moved afterwards: nothing installed names an absolute path.

set(YOKE_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/yoke)
set(YOKE_PROTO_DIR ${CMAKE_INSTALL_DATADIR}/yoke/proto)

# Libraries and the generator, as yoke::yoke, yoke::yoke_static and yoke::protoc-gen-yoke.
set_target_properties(yoke_shared PROPERTIES EXPORT_NAME yoke)
install(TARGETS yoke_shared yoke_static protoc-gen-yoke EXPORT yokeTargets
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT yokeTargets NAMESPACE yoke:: DESTINATION ${YOKE_CMAKE_DIR})

# Headers. The well-known types live in a folder of their own, so that they cannot meet those of another package.
install(FILES include/yoke/master.h include/yoke/pool.h include/yoke/rpc.h include/yoke/worker.h include/yoke/yoke.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/yoke)
set(generated ${PROJECT_BINARY_DIR}/generated)
install(FILES ${generated}/yoke/v1/lifecycle.pb-c.h ${generated}/yoke/v1/lifecycle.yoke.h
              ${generated}/yoke/v1/options.pb-c.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/yoke/v1)
install(DIRECTORY ${generated}/google/protobuf DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/yoke/wkt/google
    FILES_MATCHING PATTERN "*.pb-c.h")

install(FILES proto/yoke/v1/lifecycle.proto proto/yoke/v1/options.proto DESTINATION ${YOKE_PROTO_DIR}/yoke/v1)

# The CMake package.
include(CMakePackageConfigHelpers)
configure_package_config_file(cmake/yokeConfig.cmake.in yokeConfig.cmake
    INSTALL_DESTINATION ${YOKE_CMAKE_DIR} PATH_VARS YOKE_PROTO_DIR)
write_basic_package_version_file(yokeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/yokeConfig.cmake ${PROJECT_BINARY_DIR}/yokeConfigVersion.cmake
              cmake/YokeDependencies.cmake cmake/YokeGenerate.cmake
    DESTINATION ${YOKE_CMAKE_DIR})

# The pkg-config file finds its prefix from its own place.
file(RELATIVE_PATH YOKE_PC_TO_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" YOKE_PC_TO_PREFIX "${YOKE_PC_TO_PREFIX}")
configure_file(cmake/yoke.pc.in yoke.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/yoke.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
