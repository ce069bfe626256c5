# Everything from outside, as imported targets. Debian packages give most of it; tools/bootstrap.sh
# puts the rest into the cache, and -DSLIPWAY_..._ROOT=... points elsewhere.

find_package(Threads REQUIRED)
find_package(Boost 1.81 CONFIG REQUIRED COMPONENTS headers url)
find_package(OpenSSL 3 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(simdjson CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(date CONFIG REQUIRED)
find_package(GTest CONFIG REQUIRED)
find_package(benchmark CONFIG REQUIRED)

# Libraries whose Debian packages carry no CMake files: TARGET from a header and a library name.
function(slipway_find_library target header library)
  string(MAKE_C_IDENTIFIER "SLIPWAY_FOUND_${target}" found)
  find_path(${found}_INCLUDE ${header})
  find_library(${found}_LIBRARY ${library})
  mark_as_advanced(${found}_INCLUDE ${found}_LIBRARY)
  if(NOT ${found}_INCLUDE OR NOT ${found}_LIBRARY)
    message(FATAL_ERROR "lib${library} with ${header} is not installed: run tools/bootstrap.sh")
  endif()
  add_library(${target} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION "${${found}_LIBRARY}"
                        INTERFACE_INCLUDE_DIRECTORIES "${${found}_INCLUDE}")
endfunction()

slipway_find_library(nghttp2::nghttp2 nghttp2/nghttp2.h nghttp2)
slipway_find_library(re2::re2 re2/re2.h re2)
slipway_find_library(zstd::zstd zstd.h zstd)
slipway_find_library(utf8proc::utf8proc utf8proc.h utf8proc)
slipway_find_library(sodium::sodium sodium.h sodium)

if(DEFINED ENV{SLIPWAY_CACHE})
  set(slipway_cache "$ENV{SLIPWAY_CACHE}")
else()
  set(slipway_cache "$ENV{HOME}/.cache/slipway")
endif()

set(SLIPWAY_ONNXRUNTIME_ROOT "${slipway_cache}/onnxruntime/1.31.1" CACHE PATH
    "ONNX Runtime: include/onnxruntime_c_api.h and lib/libonnxruntime.so.1.31.1")
file(GLOB SLIPWAY_ONNXRUNTIME_LIBRARY "${SLIPWAY_ONNXRUNTIME_ROOT}/lib/libonnxruntime.so.*")
set(SLIPWAY_ONNXRUNTIME_GPU_ROOT "${slipway_cache}/onnxruntime-gpu/1.31.1" CACHE PATH
    "ONNX Runtime for GPUs, which \`make gpu\` brings: lib/libonnxruntime.so.1.31.1 and others")
set(SLIPWAY_OPENVINO_ROOT "${slipway_cache}/openvino/2026.4.1" CACHE PATH
    "OpenVINO: include/openvino/openvino.hpp and lib/libopenvino.so.2641")
file(GLOB SLIPWAY_OPENVINO_LIBRARY "${SLIPWAY_OPENVINO_ROOT}/lib/libopenvino.so.*")
set(SLIPWAY_TORCH_ROOT "${slipway_cache}/libtorch/2.13.0" CACHE PATH
    "libtorch, which \`make torch\` brings: include/torch/script.h and lib/libtorch_cpu.so")
