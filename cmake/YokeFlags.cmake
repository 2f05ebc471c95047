# How the code of this repository is compiled. Nothing here reaches the users of an installed libyoke.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Nobody replaces a function within libyoke by one of the same name, so gcc may inline its own, as clang does anyway.
add_compile_options(-fno-semantic-interposition)

# Linked by every target whose sources people wrote (tests, examples and the generator too). Code from protoc-c and
# nanopb goes without: its warnings are not ours to mend.
add_library(yoke_warnings INTERFACE)
target_compile_options(yoke_warnings INTERFACE
    -Wall -Wextra -Wconversion -Wshadow
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
    $<$<BOOL:${YOKE_WERROR}>:-Werror>)

if(YOKE_SANITIZE)
    add_compile_options(-fsanitize=${YOKE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${YOKE_SANITIZE})
endif()

if(YOKE_COVERAGE)
    add_link_options(--coverage)
endif()

# What is installed must not name the directories that it was built in. A debug build keeps them, for debuggers.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -ffile-prefix-map=${PROJECT_BINARY_DIR}/=)
endif()
