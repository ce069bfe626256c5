// The fake engine: an identity model that takes the same path as a real one.
#include "engine/plugin.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

#include "base/build_info.h"
#include "engine/fake/fake_model.h"
#include "engine/plugin_info.h"
#include "engine/plugin_support.h"

using slipway::Code;
using slipway::Error;
using slipway::engine::PluginInfo;
using slipway::engine::fake::FakeModel;

struct SlipwayModel {
  SlipwayModel(FakeModel fake, slipway::tensor::Signature signature)
      : settings(std::move(fake)),
        info(std::move(signature), !settings.asynchronous, settings.responses > 1) {}

  const FakeModel settings;
  const PluginInfo info;
};

struct SlipwaySession {
  explicit SlipwaySession(SlipwayModel* of) : model(of) {}
  ~SlipwaySession() {
    if (thread.joinable()) thread.join();
  }

  SlipwayModel* const model;
  std::thread thread;  // of the last asynchronous run
  std::mutex mutex;
  std::condition_variable wake;
  bool interrupted = false;
};

namespace slipway::engine::fake {
namespace {

using std::chrono::microseconds;

// A copy of the strings of an input in one block, freed by free().
SlipwayString* CopyStrings(const SlipwayTensor& in) {
  size_t size = sizeof(SlipwayString) * in.element_count;
  for (uint64_t i = 0; i < in.element_count; ++i) size += in.strings[i].size;
  auto* strings = static_cast<SlipwayString*>(std::malloc(size + 1));
  CHECK(strings != nullptr);
  char* text = reinterpret_cast<char*>(strings + in.element_count);
  for (uint64_t i = 0; i < in.element_count; ++i) {
    if (in.strings[i].size > 0) std::memcpy(text, in.strings[i].data, in.strings[i].size);
    strings[i] = {text, in.strings[i].size};
    text += in.strings[i].size;
  }
  return strings;
}

void Show(const SlipwayTensor& in, SlipwayTensor* out) {
  const bool fits = out->data != nullptr && out->size_bytes == in.size_bytes;
  out->rank = in.rank;
  std::copy_n(in.dims, in.rank, out->dims);
  out->element_count = in.element_count;
  out->size_bytes = in.size_bytes;
  if (in.strings != nullptr) {
    out->owner = CopyStrings(in);
    out->strings = static_cast<const SlipwayString*>(out->owner);
    out->release = std::free;
    return;
  }
  if (!fits) {
    out->data = std::malloc(in.size_bytes + 1);
    CHECK(out->data != nullptr);
    out->owner = out->data;
    out->release = std::free;
  }
  if (in.size_bytes > 0) std::memcpy(out->data, in.data, in.size_bytes);
}

// The first row alone, of a model that does not know of batches.
void ShowFirstRow(SlipwayTensor first, SlipwayTensor* out) {
  if (first.rank > 0 && first.dims[0] > 1) {
    const auto rows = static_cast<uint64_t>(first.dims[0]);
    first.dims[0] = 1;
    first.element_count /= rows;
    first.size_bytes /= rows;
  }
  Show(first, out);
}

bool Contains(const SlipwayRun* run, double number) {
  for (uint32_t i = 0; i < run->input_count; ++i) {
    const SlipwayTensor& in = run->inputs[i];
    if (in.type != static_cast<uint32_t>(tensor::DataType::kFp32)) continue;
    const auto* const values = static_cast<const float*>(in.data);
    if (std::find(values, values + in.element_count, static_cast<float>(number)) !=
        values + in.element_count) {
      return true;
    }
  }
  return false;
}

// Waits for the delay; the error with which the run ends early, if it does.
Result<void> Wait(SlipwaySession* session, const SlipwayRun* run) {
  const auto end =
      std::chrono::steady_clock::now() + microseconds(session->model->settings.delay_us);
  std::unique_lock lock(session->mutex);
  while (true) {
    if (session->interrupted || IsCancelled(run)) {
      return Error(Code::kCancelled, "RUN_CANCELLED", "the run was ended early");
    }
    if (MonotonicNs() > run->deadline_ns) {
      return Error(Code::kDeadlineExceeded, "RUN_DEADLINE", "Request timeout expired");
    }
    if (std::chrono::steady_clock::now() >= end) return {};
    session->wake.wait_until(lock,
                             std::min(end, std::chrono::steady_clock::now() + microseconds(1000)));
  }
}

void Execute(SlipwaySession* session, SlipwayRun* run) {
  const FakeModel& settings = session->model->settings;
  if (settings.crash == "run") std::abort();
  if (settings.crash_on && Contains(run, *settings.crash_on)) std::abort();
  while (settings.hang_on && Contains(run, *settings.hang_on)) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  if (settings.loop_on && Contains(run, *settings.loop_on)) {
    std::unique_lock lock(session->mutex);
    session->wake.wait(lock, [&] { return session->interrupted; });
    lock.unlock();
    return CompleteWithError(run, Internal("RUN_FAILED", "the loop was interrupted"));
  }
  if (settings.delay_us > 0) {
    const Result<void> waited = Wait(session, run);
    if (waited.has_error()) return CompleteWithError(run, waited.error());
  }
  if (!settings.fail_run.empty()) {
    return CompleteWithError(run, Internal(settings.fail_run_reason, settings.fail_run));
  }
  if (settings.fail_on && Contains(run, *settings.fail_on)) {
    return CompleteWithError(run, Internal(settings.fail_run_reason, "there is a number in it"));
  }
  for (int64_t response = 1; response <= settings.responses; ++response) {
    for (uint32_t i = 0; i < run->output_count; ++i) {
      const SlipwayTensor& shown = run->inputs[run->outputs[i].index];
      settings.merge_rows ? ShowFirstRow(shown, &run->outputs[i]) : Show(shown, &run->outputs[i]);
    }
    run->complete(run, nullptr, response == settings.responses);
  }
}

int Open(const SlipwayHost*, SlipwayError*) {
  return 0;
}

int Load(const SlipwayLoadOptions* options, SlipwayModel** model, SlipwayError* error) {
  Result<FakeModel> fake = ReadFakeModel(options->path);
  if (fake.has_error()) {
    CopyError(fake.error(), error);
    return -1;
  }
  std::this_thread::sleep_for(microseconds(fake->load_delay_us));
  while (!fake->load_until_file.empty() && access(fake->load_until_file.c_str(), F_OK) != 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (fake->crash == "load") std::abort();
  if (!fake->fail_load.empty()) {
    CopyError(FailedPrecondition("LOAD_FAILED", fake->fail_load), error);
    return -1;
  }
  Result<tensor::Signature> signature = SignatureOf(*fake);
  CHECK(signature.has_value());
  *model = new SlipwayModel(*std::move(fake), *std::move(signature));
  return 0;
}

void Unload(SlipwayModel* model) {
  delete model;
}

const SlipwayModelInfo* Info(const SlipwayModel* model) {
  return model->info.info();
}

int OpenSession(SlipwayModel* model, SlipwaySession** session, SlipwayError*) {
  *session = new SlipwaySession(model);
  return 0;
}

void CloseSession(SlipwaySession* session) {
  delete session;
}

void RunSession(SlipwaySession* session, SlipwayRun* run) {
  if (session->model->settings.delay_us > 0 || session->model->settings.loop_on) {
    std::lock_guard lock(session->mutex);
    session->interrupted = false;
  }
  if (!session->model->settings.asynchronous) return Execute(session, run);
  if (session->thread.joinable()) session->thread.join();
  session->thread = std::thread([session, run] { Execute(session, run); });
}

void Interrupt(SlipwaySession* session) {
  std::lock_guard lock(session->mutex);
  session->interrupted = true;
  session->wake.notify_all();
}

}  // namespace
}  // namespace slipway::engine::fake

extern "C" const SlipwayEngine* slipway_engine(void) {
  namespace fake = slipway::engine::fake;
  static const std::string build_id(slipway::BuildId());
  static const SlipwayEngine engine = {
      .build_id = build_id.c_str(),
      .name = "fake",
      .platform = "slipway_fake",
      .devices = [] { return "CPU"; },
      .open = fake::Open,
      .load = fake::Load,
      .unload = fake::Unload,
      .info = fake::Info,
      .open_session = fake::OpenSession,
      .close_session = fake::CloseSession,
      .run = fake::RunSession,
      .interrupt = fake::Interrupt,
  };
  return &engine;
}
