// OrtApi: the C interface of ONNX Runtime, opened at run time, with owners for its objects.
#pragma once

#include <onnxruntime_c_api.h>

#include <memory>
#include <string_view>

#include "base/result.h"

namespace slipway::engine::ort {

// The interface of the library. Valid after OpenLibrary succeeded.
const OrtApi& Api();
// Opens the library, once; it is never closed. It lies beside this plugin or, on a machine with
// NVIDIA's driver, in the folder "cuda" there, if there is one: that one computes on the processor
// too. UNAVAILABLE / ENGINE_LIBRARY says what is missing.
Result<void> OpenLibrary();
// Opens what the library needs for computing on a GPU and lies beside it; once. The system's
// folders have the rest, or the provider says what is missing when it is first asked for.
void OpenCudaLibraries();

// Where a failed call happened decides what its error means.
enum class Step : uint8_t { kLoad, kRun };
// Nothing, or the error that the status stands for; the status is released.
Result<void> Check(OrtStatus* status, Step step);

// Owners: release through the API when they go.
template <class T, auto kRelease>
struct Releaser {
  void operator()(T* object) const { (Api().*kRelease)(object); }
};

using EnvPtr = std::unique_ptr<OrtEnv, Releaser<OrtEnv, &OrtApi::ReleaseEnv>>;
using SessionPtr = std::unique_ptr<OrtSession, Releaser<OrtSession, &OrtApi::ReleaseSession>>;
using SessionOptionsPtr =
    std::unique_ptr<OrtSessionOptions, Releaser<OrtSessionOptions, &OrtApi::ReleaseSessionOptions>>;
using RunOptionsPtr =
    std::unique_ptr<OrtRunOptions, Releaser<OrtRunOptions, &OrtApi::ReleaseRunOptions>>;
using ValuePtr = std::unique_ptr<OrtValue, Releaser<OrtValue, &OrtApi::ReleaseValue>>;
using TypeInfoPtr = std::unique_ptr<OrtTypeInfo, Releaser<OrtTypeInfo, &OrtApi::ReleaseTypeInfo>>;
using MemoryInfoPtr =
    std::unique_ptr<OrtMemoryInfo, Releaser<OrtMemoryInfo, &OrtApi::ReleaseMemoryInfo>>;
using ThreadingOptionsPtr =
    std::unique_ptr<OrtThreadingOptions,
                    Releaser<OrtThreadingOptions, &OrtApi::ReleaseThreadingOptions>>;
using CudaOptionsPtr =
    std::unique_ptr<OrtCUDAProviderOptionsV2,
                    Releaser<OrtCUDAProviderOptionsV2, &OrtApi::ReleaseCUDAProviderOptions>>;
using IoBindingPtr =
    std::unique_ptr<OrtIoBinding, Releaser<OrtIoBinding, &OrtApi::ReleaseIoBinding>>;
using ShapeInfoPtr =
    std::unique_ptr<OrtTensorTypeAndShapeInfo,
                    Releaser<OrtTensorTypeAndShapeInfo, &OrtApi::ReleaseTensorTypeAndShapeInfo>>;

// Fills an owner through a T** parameter: Check(api.CreateEnv(..., Out(env)), ...).
template <class Owner>
class Out {
 public:
  explicit Out(Owner& owner) : owner_(owner) {}
  ~Out() { owner_.reset(raw_); }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;
  operator typename Owner::pointer *() { return &raw_; }  // NOLINT: it stands for the pointer

 private:
  Owner& owner_;
  typename Owner::pointer raw_ = nullptr;
};

}  // namespace slipway::engine::ort
