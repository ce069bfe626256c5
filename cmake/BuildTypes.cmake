# The build types and the flags that every target is built with.
#
#   Release  -O2, what ships                 Asan  AddressSanitizer + UndefinedBehaviorSanitizer
#   Debug    -O0                             Tsan  ThreadSanitizer
#                                            Fuzz  libFuzzer + Asan, builds only fuzz/

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} is not supported: "
                      "use clang 19 or newer (tools/repro/gcc12_coroutine.cc says why)")
endif()

set(slipway_build_types Release Debug Asan Tsan Fuzz)
if(NOT CMAKE_BUILD_TYPE IN_LIST slipway_build_types)
  message(FATAL_ERROR "CMAKE_BUILD_TYPE is ${CMAKE_BUILD_TYPE}: use one of ${slipway_build_types}")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

set(sanitize_ub "-fsanitize=undefined -fno-sanitize-recover=all")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG -D_FORTIFY_SOURCE=2 -fstack-protector-strong")
set(CMAKE_CXX_FLAGS_DEBUG "-O0")
set(sanitize_address "-fno-omit-frame-pointer -fsanitize=address ${sanitize_ub}")
set(CMAKE_CXX_FLAGS_ASAN "-O0 ${sanitize_address}")  # compiles twice as fast as -O1
set(CMAKE_CXX_FLAGS_TSAN "-O1 -fno-omit-frame-pointer -fsanitize=thread")
set(CMAKE_CXX_FLAGS_FUZZ "-O1 ${sanitize_address} -fsanitize=fuzzer-no-link")

file(RELATIVE_PATH slipway_to_source "${CMAKE_BINARY_DIR}" "${CMAKE_SOURCE_DIR}/")
add_compile_options(
  -g1
  # Debug information and __FILE__ name files from the root of the tree, with ccache (which makes
  # paths relative to the build folder) or without it.
  "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=" "-ffile-prefix-map=${slipway_to_source}="
  -fdebug-compilation-dir=.
  -Wall -Wextra -Werror
  -Wcovered-switch-default -Wextra-semi -Wimplicit-fallthrough -Wnon-virtual-dtor
  -Woverloaded-virtual -Wshadow -Wundef -Wunused-lambda-capture -Wzero-as-null-pointer-constant
  # An options struct is filled by name and the rest keeps its defaults: that is its purpose.
  -Wno-missing-designated-field-initializers)
add_compile_definitions(_GLIBCXX_ASSERTIONS BOOST_ASIO_NO_DEPRECATED)
add_link_options(-Wl,--as-needed -Wl,-z,relro,-z,now)

find_program(SLIPWAY_MOLD mold NO_CACHE)
if(SLIPWAY_MOLD)
  add_link_options(-fuse-ld=mold)
else()
  add_link_options(-fuse-ld=lld)
endif()
