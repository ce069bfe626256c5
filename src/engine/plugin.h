// The table of an engine plugin: all that passes between the program and lib/slipway/engine_*.so.
//
// Private: a plugin and the program that opens it come from one build, which the build id proves,
// so that the table may change at any time. It is plain C: no exception and no C++ type crosses.
// Texts are UTF-8 and end with a zero byte unless they carry a size. Numbers of data types are
// those of tensor::DataType, numbers of error codes those of slipway::Code.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { kSlipwayMaxRank = 32 };

typedef struct SlipwayError {
  uint32_t code;
  char reason[48];
  char message[1024];  // one sentence, cut where it is longer
} SlipwayError;

typedef struct SlipwayString {
  const char* data;
  uint64_t size;
} SlipwayString;

// Where the elements of a tensor are. Only host memory is known today.
enum { kSlipwayMemoryHost = 0 };

// Numbers: `size_bytes` at `data`, row-major, little endian. BYTES: `element_count` strings.
//
// An input belongs to the host and stays as it is until the run is over. An output comes in one of
// two states. With `data`: the host knew the shape and gave room for it; the plugin writes there.
// Without: the plugin sets dims and `data` or `strings`, in memory that the host holds beyond the
// run and gives back by calling release(owner) once. That is allowed in the first state as well,
// where the shape turned out to be another one.
typedef struct SlipwayTensor {
  uint32_t index;  // position in the signature
  uint32_t type;
  uint32_t memory;  // kSlipwayMemoryHost
  uint32_t rank;
  int64_t dims[kSlipwayMaxRank];
  uint64_t element_count;
  void* data;
  uint64_t size_bytes;
  const SlipwayString* strings;
  void* owner;
  void (*release)(void* owner);
} SlipwayTensor;

typedef struct SlipwaySpec {
  const char* name;
  uint32_t type;
  uint32_t rank;
  const int64_t* dims;         // -1: any length
  const char* const* symbols;  // one for each dimension, "" where it has none
} SlipwaySpec;

// What a model is, once loaded.
typedef struct SlipwayModelInfo {
  const SlipwaySpec* inputs;
  const SlipwaySpec* outputs;
  uint32_t input_count;
  uint32_t output_count;
  uint32_t completes_in_call;  // run() returns only after its last call of `complete`
  uint32_t decoupled;          // a run may have any number of responses
} SlipwayModelInfo;

typedef struct SlipwayModel SlipwayModel;
typedef struct SlipwaySession SlipwaySession;

// What the host gives to a plugin when it opens it; valid for ever.
typedef struct SlipwayHost {
  // level: 0 debug, 1 info, 2 warning, 3 error.
  void (*log)(uint32_t level, const char* message);
  // Cores that this process may use.
  uint32_t cores;
} SlipwayHost;

typedef struct SlipwayLoadOptions {
  const char* path;  // of the model's file, absolute
  uint32_t threads;  // that work on one run at the same time; 0: the plugin chooses
  int32_t gpu;       // ordinal of the GPU that computes, see Gpu; -1: the processor
} SlipwayLoadOptions;

// One execution; it and what it points to stay valid until the last call of `complete`.
typedef struct SlipwayRun {
  const SlipwayTensor* inputs;  // all of the signature, in its order
  uint32_t input_count;
  uint32_t output_count;
  SlipwayTensor* outputs;  // those that are wanted
  int64_t deadline_ns;     // of CLOCK_MONOTONIC; INT64_MAX: none
  // Becomes non-zero when nobody waits any more; read it with an atomic load. May be null.
  const uint32_t* cancelled;
  // Called by the plugin, on any thread: with an error (then it is the last call), or without one
  // when all outputs are filled. `last` says whether more responses follow; the plugin may
  // overwrite the outputs when the call has returned.
  void (*complete)(struct SlipwayRun* run, const SlipwayError* error, uint32_t last);
  void* host;  // the host's own
} SlipwayRun;

typedef struct SlipwayEngine {
  // First, so that a host can tell which build a table of another layout is from.
  const char* build_id;
  const char* name;      // "onnxruntime"
  const char* platform;  // as the V2 protocol names it: "onnxruntime_onnx"

  // After open: names of what its library computes on, "CUDA, CPU", with commas between them. An
  // engine without "CUDA" (NVIDIA's) or "GPU" (Intel's) is never asked for a GPU. Valid for ever.
  const char* (*devices)(void);

  // Once, before anything else. 0, or -1 with the error filled in, as in all functions below.
  int (*open)(const SlipwayHost* host, SlipwayError* error);

  // Blocking; several at the same time.
  int (*load)(const SlipwayLoadOptions* options, SlipwayModel** model, SlipwayError* error);
  void (*unload)(SlipwayModel* model);
  // Valid until unload.
  const SlipwayModelInfo* (*info)(const SlipwayModel* model);

  // A session runs one execution at a time; all are closed before their model is unloaded.
  int (*open_session)(SlipwayModel* model, SlipwaySession** session, SlipwayError* error);
  void (*close_session)(SlipwaySession* session);
  void (*run)(SlipwaySession* session, SlipwayRun* run);
  // Asks the run that is under way to end early. Any thread, at any time until close_session; what
  // comes when none is under way must not disturb the next.
  void (*interrupt)(SlipwaySession* session);
} SlipwayEngine;

// The one symbol of a plugin: its table, valid for ever.
typedef const SlipwayEngine* (*SlipwayEngineEntry)(void);
#define SLIPWAY_ENGINE_SYMBOL "slipway_engine"
__attribute__((visibility("default"))) const SlipwayEngine* slipway_engine(void);

#ifdef __cplusplus
}  // extern "C"
#endif
