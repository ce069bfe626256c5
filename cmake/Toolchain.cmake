# Picks clang-19 and refuses compilers that are known to miscompile this code.
# tools/repro/gcc12_coroutine.cc shows why g++ 12 is not supported.

if(NOT CMAKE_CXX_COMPILER AND NOT DEFINED ENV{CXX} AND NOT CMAKE_TOOLCHAIN_FILE)
  find_program(SLIPWAY_CLANG NAMES clang++-19 NO_CACHE)
  if(NOT SLIPWAY_CLANG)
    message(FATAL_ERROR "clang++-19 is not installed: run tools/bootstrap.sh, or name another "
                        "clang of version 19 or newer with -DCMAKE_CXX_COMPILER=...")
  endif()
  set(CMAKE_CXX_COMPILER "${SLIPWAY_CLANG}" CACHE FILEPATH "C++ compiler")
endif()

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug, Asan, Tsan or Fuzz" FORCE)
endif()

# Several build folders, and several clones, share ccache's entries: paths below the source folder
# become relative (CCACHE_BASEDIR), and the name of the build folder is not part of the key.
if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(SLIPWAY_CCACHE ccache NO_CACHE)
  if(SLIPWAY_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${SLIPWAY_CCACHE}"
        CACHE STRING "Compiler launcher")
  endif()
endif()
