# How a folder of src/ becomes libraries, tests and programs.
#
#   src/NAME/**/*.cc             slipway_NAME          static library
#   src/NAME/**/testing/*.cc     slipway_NAME_testing  static library for tests of this and of
#   src/NAME/**/*_testing.cc                           later modules: fakes and contract suites
#   src/NAME/**/*_test.cc        NAME_test             one GoogleTest program, one ctest entry
#   src/NAME/**/*_bench.cc       NAME_bench            one Google Benchmark program, not in `all`
#
# A module without sources is an empty INTERFACE library, so the tree always configures. main.cc
# belongs to programs, plugin folders to plugins. The sources are found by one glob that ninja
# checks at each build: a new file needs no edit here.

file(GLOB_RECURSE slipway_sources CONFIGURE_DEPENDS
     RELATIVE "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}/src/*.cc")

add_custom_target(unit_tests)
add_custom_target(benchmarks)
add_custom_target(plugins)

# Declares the next row of modules.
function(slipway_row)
  get_property(declared GLOBAL PROPERTY SLIPWAY_DECLARED)
  foreach(name IN LISTS ARGN)
    set_property(GLOBAL PROPERTY SLIPWAY_EARLIER_${name} "${declared}")
  endforeach()
  set_property(GLOBAL APPEND PROPERTY SLIPWAY_DECLARED ${ARGN})
endfunction()

# Sets OUT to the absolute paths of the given sources of src/.
function(slipway_absolute out)
  list(TRANSFORM ARGN PREPEND "${CMAKE_SOURCE_DIR}/src/")
  set(${out} "${ARGN}" PARENT_SCOPE)
endfunction()

# Adds a static library of SOURCES, or an empty INTERFACE one; LIBS are passed on to its users.
function(slipway_library target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  if(arg_SOURCES)
    slipway_absolute(paths ${arg_SOURCES})
    add_library(${target} STATIC ${paths})
    target_include_directories(${target} PUBLIC "${CMAKE_SOURCE_DIR}/src"
                               PRIVATE "${slipway_generated}")
    target_link_libraries(${target} PUBLIC ${arg_LIBS})
    add_dependencies(${target} slipway_build_info)
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${arg_LIBS})
  endif()
endfunction()

# Adds the GoogleTest program NAME_test. It runs in the source folder, from where it finds testdata.
function(slipway_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  if(NOT arg_SOURCES)
    return()
  endif()
  slipway_absolute(paths ${arg_SOURCES})
  add_executable(${name}_test EXCLUDE_FROM_ALL ${paths})
  set_target_properties(${name}_test PROPERTIES
                        RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_include_directories(${name}_test PRIVATE "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(${name}_test PRIVATE ${arg_LIBS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name}_test WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  add_dependencies(unit_tests ${name}_test)
endfunction()

# Adds the module src/NAME. DEPS: the modules of earlier rows that it uses, all of them when left
# out; naming them keeps the partial builds (Tsan, Fuzz) small. LIBS: libraries from outside.
# PLUGIN_FOLDERS: folders of the module that are built by slipway_plugin() instead.
function(slipway_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPS;LIBS;PLUGIN_FOLDERS")
  set(sources "${slipway_sources}")
  list(FILTER sources INCLUDE REGEX "^${name}/")
  list(FILTER sources EXCLUDE REGEX "^${name}/main[.]cc$")
  foreach(folder IN LISTS arg_PLUGIN_FOLDERS)
    list(FILTER sources EXCLUDE REGEX "^${name}/${folder}/")
  endforeach()

  set(tests "${sources}")
  set(benches "${sources}")
  set(testing "${sources}")
  list(FILTER tests INCLUDE REGEX "_test[.]cc$")
  list(FILTER benches INCLUDE REGEX "_bench[.]cc$")
  list(FILTER testing INCLUDE REGEX "(/testing/[^/]*|_testing)[.]cc$")
  list(FILTER testing EXCLUDE REGEX "_(test|bench)[.]cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|_bench|_testing|/testing/[^/]*)[.]cc$")

  get_property(earlier GLOBAL PROPERTY SLIPWAY_EARLIER_${name})
  set(used "${earlier}")
  if(arg_DEPS)
    set(used "${arg_DEPS}")
  endif()
  foreach(module IN LISTS used)
    if(NOT module IN_LIST earlier)
      message(FATAL_ERROR "${name} may not use ${module}, which is not in an earlier row")
    endif()
  endforeach()
  list(TRANSFORM used PREPEND slipway_)
  set(used_testing "${used}")
  list(TRANSFORM used_testing APPEND _testing)

  slipway_library(slipway_${name} SOURCES ${sources} LIBS ${used} ${arg_LIBS})
  slipway_library(slipway_${name}_testing SOURCES ${testing}
                  LIBS slipway_${name} ${used_testing} GTest::gmock GTest::gtest)
  slipway_test(${name} SOURCES ${tests} LIBS slipway_${name}_testing)
  if(tests AND (name STREQUAL engine OR engine IN_LIST earlier))
    add_dependencies(${name}_test plugins)
  endif()

  if(benches)
    slipway_absolute(paths ${benches})
    add_executable(${name}_bench EXCLUDE_FROM_ALL ${paths})
    target_link_libraries(${name}_bench PRIVATE slipway_${name}_testing
                          benchmark::benchmark_main)
    add_dependencies(benchmarks ${name}_bench)
  endif()
endfunction()

# Adds lib/slipway/NAME.so from src/FOLDER, opened with dlopen by the program that was built with
# it. MODULES: what it contains of Slipway. HEADERS: an include folder of the adapted library; the
# plugin is left out when it is missing. BESIDE: a library, which the plugin opens itself, linked
# into its own folder. LIBRARY: one that the plugin is linked with, which finds its parts in its own
# folder; that is linked into the plugin's under the name of the plugin's own folder in the sources.
# Two plugins must not share the statics of inline functions and templates: hidden visibility and
# --exclude-libs see to it, and clang, unlike g++, makes no STB_GNU_UNIQUE symbols.
function(slipway_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "FOLDER;HEADERS;BESIDE;LIBRARY" "MODULES")
  set(sources "${slipway_sources}")
  list(FILTER sources INCLUDE REGEX "^${arg_FOLDER}/")
  set(tests "${sources}")
  list(FILTER tests INCLUDE REGEX "_test[.]cc$")
  list(FILTER sources EXCLUDE REGEX "_test[.]cc$")
  if(NOT sources)
    return()
  endif()
  if(arg_HEADERS AND NOT EXISTS "${arg_HEADERS}")
    message(WARNING "${name} is left out, ${arg_HEADERS} does not exist: run tools/bootstrap.sh")
    return()
  endif()

  list(TRANSFORM arg_MODULES PREPEND slipway_)
  slipway_absolute(paths ${sources})
  add_library(${name}_objects OBJECT ${paths})
  target_include_directories(${name}_objects PUBLIC "${CMAKE_SOURCE_DIR}/src")
  target_include_directories(${name}_objects SYSTEM PUBLIC ${arg_HEADERS})
  target_link_libraries(${name}_objects PUBLIC ${arg_MODULES} ${CMAKE_DL_LIBS})

  add_library(${name} MODULE)
  set_target_properties(${name} PROPERTIES PREFIX ""
                        LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib/slipway")
  target_link_libraries(${name} PRIVATE ${name}_objects)
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL)
  add_dependencies(plugins ${name})
  if(arg_BESIDE)
    get_filename_component(file_name "${arg_BESIDE}" NAME)
    file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/lib/slipway")
    file(CREATE_LINK "${arg_BESIDE}" "${CMAKE_BINARY_DIR}/lib/slipway/${file_name}" SYMBOLIC)
  endif()
  if(arg_LIBRARY)
    get_filename_component(folder "${arg_LIBRARY}" DIRECTORY)
    get_filename_component(link "${arg_FOLDER}" NAME)
    file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/lib/slipway")
    file(CREATE_LINK "${folder}" "${CMAKE_BINARY_DIR}/lib/slipway/${link}" SYMBOLIC)
    target_link_libraries(${name} PRIVATE "${arg_LIBRARY}")
    set_target_properties(${name} PROPERTIES BUILD_RPATH "$ORIGIN/${link}"
                          BUILD_RPATH_USE_ORIGIN ON SKIP_BUILD_RPATH OFF)
  endif()
  slipway_test(${name} SOURCES ${tests} LIBS ${name}_objects)
endfunction()

# Adds bin/NAME from src/MAIN and the given modules, with the plugins it opens.
function(slipway_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "MAIN" "MODULES")
  if(NOT EXISTS "${CMAKE_SOURCE_DIR}/src/${arg_MAIN}" OR CMAKE_BUILD_TYPE STREQUAL "Fuzz")
    return()
  endif()
  list(TRANSFORM arg_MODULES PREPEND slipway_)
  add_executable(${name} "${CMAKE_SOURCE_DIR}/src/${arg_MAIN}")
  target_link_libraries(${name} PRIVATE ${arg_MODULES})
  add_dependencies(${name} plugins)
endfunction()

# Adds bin/NAME from bench/NAME.cc, a program that benchmarks run. HEADERS: an include folder of a
# library that it opens; it is left out when that is missing. PACKAGE: a library of pkg-config, the
# same. MODULES: what it uses of Slipway.
function(slipway_bench_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "HEADERS;PACKAGE" "MODULES")
  if(CMAKE_BUILD_TYPE STREQUAL "Fuzz" OR (arg_HEADERS AND NOT EXISTS "${arg_HEADERS}"))
    return()
  endif()
  set(package "")
  if(arg_PACKAGE)
    find_package(PkgConfig QUIET)
    if(NOT PkgConfig_FOUND)
      return()
    endif()
    pkg_check_modules(${name}_package QUIET IMPORTED_TARGET ${arg_PACKAGE})
    if(NOT ${name}_package_FOUND)
      return()
    endif()
    set(package PkgConfig::${name}_package)
  endif()
  list(TRANSFORM arg_MODULES PREPEND slipway_)
  add_executable(${name} EXCLUDE_FROM_ALL "${CMAKE_SOURCE_DIR}/bench/${name}.cc")
  target_include_directories(${name} SYSTEM PRIVATE ${arg_HEADERS})
  target_link_libraries(${name} PRIVATE ${arg_MODULES} ${package} ${CMAKE_DL_LIBS})
  add_dependencies(benchmarks ${name})
endfunction()
