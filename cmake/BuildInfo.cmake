# <build_info.h>: the version, the commit and the build id, written when a build starts.
#
# The build id names what a plugin must have in common with the program that opens it: the commit,
# the compiler, the build type and the headers that cross the plugin's border. Include the header
# from one small .cc only: it changes with every commit, and that file alone is compiled again.

set(slipway_generated "${CMAKE_BINARY_DIR}/generated")
file(GLOB slipway_border_headers CONFIGURE_DEPENDS
     "${CMAKE_SOURCE_DIR}/src/engine/plugin*.h" "${CMAKE_SOURCE_DIR}/src/engine/*abi*.h"
     "${CMAKE_SOURCE_DIR}/src/exec/*.h" "${CMAKE_SOURCE_DIR}/src/tensor/*.h")

set(slipway_build_info_command
    "${CMAKE_COMMAND}" "-DOUT=${slipway_generated}/build_info.h" "-DSOURCE=${CMAKE_SOURCE_DIR}"
    "-DVERSION=${PROJECT_VERSION}"
    "-DTOOLCHAIN=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_BUILD_TYPE}"
    "-DHEADERS=${slipway_border_headers}" -P "${CMAKE_CURRENT_LIST_DIR}/WriteBuildInfo.cmake")

add_custom_target(slipway_build_info COMMAND ${slipway_build_info_command} VERBATIM
                  BYPRODUCTS "${slipway_generated}/build_info.h")
