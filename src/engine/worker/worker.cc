#include "engine/worker/worker.h"

#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "base/log.h"
#include "engine/loaded_model.h"
#include "engine/plugin_host.h"
#include "engine/program/program.h"
#include "engine/worker/channel.h"
#include "engine/worker/confine.h"
#include "engine/worker/descendants.h"
#include "engine/worker/environment.h"
#include "engine/worker/segment.h"
#include "engine/worker/spawn.h"

namespace slipway::engine::worker {
namespace {

using Clock = std::chrono::steady_clock;

FailedFrame FailedOf(const Error& error) {
  constexpr size_t kLongest = 4096;
  return {.code = error.code(),
          .reason = std::string(error.reason()),
          .message = error.message().substr(0, kLongest)};
}

Clock::time_point DeadlineOf(int64_t ns) {
  if (ns == INT64_MAX) return Clock::time_point::max();
  return Clock::time_point(std::chrono::nanoseconds(ns));
}

// One session: a thread that does one run after the other, until its socket closes.
class ServedSession {
 public:
  ServedSession(exec::Model& model, Descriptor socket) : model_(model), socket_(std::move(socket)) {
    thread_ = std::thread([this] {
      const Result<void> ended = Loop();
      if (ended.has_error() && ended.error().code() != Code::kUnavailable) {
        LogError("a session of the worker ended", {{"error", ended.error()}});
      }
      input_ = Segment();
      output_ = Segment();
      // The other side learns of it now.
      ::shutdown(socket_.get(), SHUT_RDWR);
      is_over_ = true;
    });
  }
  ~ServedSession() { thread_.join(); }

  bool is_over() const { return is_over_; }

  // Ends this run, or does so as soon as it comes.
  void Interrupt(uint64_t run) {
    std::lock_guard lock(mutex_);
    interrupted_ = std::max(interrupted_, run);
    if (run != current_ || session_ == nullptr) return;
    cancelled_ = 1;
    session_->Interrupt();
  }
  void Close() { ::shutdown(socket_.get(), SHUT_RDWR); }

 private:
  Result<void> Loop() {
    TRY(session, model_.OpenSession());
    while (true) {
      TRY(packet, ReceiveFrame(socket_.get()));
      if (const auto* drop = std::get_if<DropFrame>(&packet.frame)) {
        if (drop->input) input_ = Segment();
        if (drop->output) output_ = Segment();
        continue;
      }
      auto* run = std::get_if<RunFrame>(&packet.frame);
      if (run == nullptr) return DataLoss("WORKER_FRAME", "no run");
      TRY_VOID(TakeSegments(*run, packet.descriptors));
      const Result<void> ran = Perform(*session, *run);
      if (!ran.has_error()) continue;
      TRY_VOID(SendFrame(socket_.get(), FailedOf(ran.error())));
    }
  }

  Result<void> TakeSegments(const RunFrame& run, std::vector<Descriptor>& descriptors) {
    size_t next = 0;
    const auto take = [&](Segment& segment) -> Result<void> {
      if (next == descriptors.size()) return DataLoss("WORKER_FRAME", "no segment came");
      TRY(mapped, Segment::Map(std::move(descriptors[next++])));
      segment = std::move(mapped);
      return {};
    };
    if (run.has_new_input) TRY_VOID(take(input_));
    if (run.has_new_output) TRY_VOID(take(output_));
    return {};
  }

  // An error is that of the run; what breaks the line comes up at the next receive.
  Result<void> Perform(exec::Session& session, const RunFrame& frame) {
    const tensor::Signature& signature = model_.signature();
    if (frame.inputs.size() != signature.inputs.size()) return Internal("WORKER_FRAME", "inputs");
    std::vector<tensor::Tensor> inputs(frame.inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) TRY_VOID(Show(frame.inputs[i], input_, inputs[i]));
    for (const uint32_t index : frame.wanted) {
      if (index >= signature.outputs.size()) return Internal("WORKER_FRAME", "outputs");
    }
    std::vector<tensor::Tensor> outputs(frame.wanted.size());
    Result<void> part;
    const std::function<void()> on_part = [&] {
      if (part) part = Answer(frame, outputs, false);
    };
    const exec::Run run{.inputs = inputs,
                        .wanted = frame.wanted,
                        .outputs = outputs,
                        .deadline = DeadlineOf(frame.deadline_ns),
                        .cancelled = &cancelled_,
                        .on_part = &on_part};
    if (!Begin(session, frame.run)) {
      return Error(Code::kCancelled, "RUN_CANCELLED", "the run was ended early");
    }
    Result<void> ran = RunAndWait(session, run);
    {
      std::lock_guard lock(mutex_);
      session_ = nullptr;
    }
    if (ran.has_error()) return ran;
    if (part.has_error()) return part;
    return Answer(frame, outputs, true);
  }

  bool Begin(exec::Session& session, uint64_t run) {
    std::lock_guard lock(mutex_);
    if (interrupted_ >= run) return false;
    current_ = run;
    session_ = &session;
    cancelled_ = 0;
    return true;
  }

  Result<void> Answer(const RunFrame& frame, std::span<const tensor::Tensor> outputs, bool last) {
    const Layout layout = LayOut(outputs, frame.wanted);
    if (layout.size_bytes > output_.size_bytes()) {
      TRY_VOID(
          SendFrame(socket_.get(), NeedFrame{.run = frame.run, .size_bytes = layout.size_bytes}));
      TRY(packet, ReceiveFrame(socket_.get()));
      if (!std::holds_alternative<RoomFrame>(packet.frame) || packet.descriptors.size() != 1) {
        return DataLoss("WORKER_FRAME", "no room came");
      }
      TRY(segment, Segment::Map(std::move(packet.descriptors.front())));
      output_ = std::move(segment);
    }
    CopyIn(outputs, layout, output_);
    TRY_VOID(SendFrame(socket_.get(),
                       DoneFrame{.run = frame.run, .last = last, .outputs = layout.places}));
    if (last) return {};
    TRY(packet, ReceiveFrame(socket_.get()));
    if (std::holds_alternative<NextFrame>(packet.frame)) return {};
    return DataLoss("WORKER_FRAME", "the answer was not taken");
  }

  exec::Model& model_;
  const Descriptor socket_;
  Segment input_;
  Segment output_;
  std::mutex mutex_;
  uint64_t interrupted_ = 0;
  uint64_t current_ = 0;
  exec::Session* session_ = nullptr;  // of the run under way
  std::atomic<uint32_t> cancelled_{0};
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

// Sessions and their interrupts, until the program closes its end.
Result<void> ServeControl(exec::Model& model, void (*at_end)()) {
  std::map<uint32_t, std::unique_ptr<ServedSession>> sessions;
  while (true) {
    Result<Packet> packet = ReceiveFrame(kControlDescriptor);
    if (packet.has_error()) {
      // Runs that are under way have nobody left who waits for them.
      if (packet.error().code() == Code::kUnavailable) {
        at_end();
        _exit(0);
      }
      return packet.error();
    }
    std::erase_if(sessions, [](const auto& session) { return session.second->is_over(); });
    if (const auto* open = std::get_if<OpenFrame>(&packet->frame)) {
      if (packet->descriptors.size() != 1) return DataLoss("WORKER_FRAME", "no socket came");
      sessions[open->session] =
          std::make_unique<ServedSession>(model, std::move(packet->descriptors.front()));
    } else if (const auto* interrupt = std::get_if<InterruptFrame>(&packet->frame)) {
      const auto found = sessions.find(interrupt->session);
      if (found != sessions.end()) found->second->Interrupt(interrupt->run);
    } else {
      return DataLoss("WORKER_FRAME", "neither a session nor an interrupt");
    }
  }
}

Result<LoadFrame> ReceiveLoad() {
  TRY(packet, ReceiveFrame(kControlDescriptor));
  const auto* load = std::get_if<LoadFrame>(&packet.frame);
  if (load == nullptr || load->protocol != kProtocol) {
    return FailedPrecondition("WORKER_PROTOCOL", "the program speaks another protocol");
  }
  return *load;
}

// Says how the load went, and serves what came of it. `at_end` is called before the end.
Result<void> ServeModel(const Result<std::unique_ptr<exec::Model>>& model, void (*at_end)()) {
  if (model.has_error()) return SendFrame(kControlDescriptor, FailedOf(model.error()));
  TRY_VOID(SendFrame(kControlDescriptor, LoadedFrame{.decoupled = (*model)->decoupled(),
                                                     .platform = std::string((*model)->platform()),
                                                     .signature = (*model)->signature()}));
  return ServeControl(**model, at_end);
}

Result<void> ServeEngine() {
  TRY(load, ReceiveLoad());
  PluginHost host(load.plugins);
  ModelSource source{.format = load.format, .path = load.path, .threads = load.threads};
  if (load.gpu >= 0) source.gpu = Gpu{.ordinal = load.gpu};
  return ServeModel(host.Load(source), [] {});
}

// A program that is not ours, between which and serve this process passes tensors.
Result<void> ServeProgram(std::string_view words) {
  TRY(load, ReceiveLoad());
  (void)load;  // the words say it all
  TRY(settings, program::DecodeSettings(words));
  const Result<void> served = ServeModel(program::StartProgram(settings), program::EndProgram);
  program::EndProgram();
  return served;
}

// Only what the program passes on: its end of the socket, and where the log goes.
Result<void> Bind(int argc, const char* const* argv) {
  const auto refuse = [] {
    return FailedPrecondition("WORKER_PARENT",
                              "slipway worker is started by slipway serve, never by hand");
  };
  int type = 0;
  socklen_t size = sizeof(type);
  const bool is_socket = getsockopt(kControlDescriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
  if (argc < 3 || !is_socket || type != SOCK_SEQPACKET) return refuse();
  pid_t parent = 0;
  const std::string_view word = argv[1];
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), parent);
  if (problem != std::errc() || end != word.data() + word.size()) return refuse();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It may be gone already.
  if (getppid() != parent) return refuse();
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  AdoptOrphans();
  syscall(SYS_close_range, kControlDescriptor + 1, ~0U, 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &none);
  return {};
}

// Runs the program, with what it may read before it: "--read FOLDER ... -- PROGRAM ARGUMENTS...".
// Comes back only with what kept it from that.
Error Become(std::vector<std::string> words) {
  std::vector<std::string> folders;
  size_t next = 0;
  while (next + 1 < words.size() && words[next] == "--read") {
    folders.push_back(words[next + 1]);
    next += 2;
  }
  if (next + 1 >= words.size() || words[next] != "--") {
    return Internal("WORKER_PARENT", "a worker was started in a way that it does not know");
  }
  const Result<void> confined = Confine({.readable = folders});
  if (confined.has_error()) return confined.error();
  std::vector<char*> pointers;
  for (size_t i = next + 1; i < words.size(); ++i) pointers.push_back(words[i].data());
  pointers.push_back(nullptr);
  DropSecrets();
  execvp(pointers.front(), pointers.data());
  const int problem = errno;
  return FailedPrecondition("PROGRAM_MISSING", "cannot run " + words[next + 1] + ": " +
                                                   SystemError(problem, words[next + 1]).message());
}

}  // namespace

Result<void> RunWorker(int argc, const char* const* argv) {
  TRY_VOID(Bind(argc, argv));
  if (argc == 3) return ServeEngine();
  if (argc == 5 && argv[3] == kProgramWord) return ServeProgram(argv[4]);
  const Error failure = Become({argv + 3, argv + argc});
  // It waits for an answer to its load, which has to be read first: an end with words unread takes
  // back what was said.
  (void)ReceiveFrame(kControlDescriptor);
  return SendFrame(kControlDescriptor, FailedOf(failure));
}

}  // namespace slipway::engine::worker
