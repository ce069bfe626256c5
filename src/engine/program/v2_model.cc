#include "engine/program/v2_model.h"

#include <charconv>
#include <utility>

#include "base/log.h"
#include "engine/program/limits.h"
#include "engine/program/readiness.h"
#include "engine/program/v2_message.h"
#include "net/http_client.h"

namespace slipway::engine::program {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr const char* kHeaderLength = "Inference-Header-Content-Length";
constexpr int kOk = 200;

struct Known {
  uint16_t port = 0;
  std::string name;
  V2Metadata metadata;
  bool is_binary = false;
  std::function<void()> overdue;
};

// Of one thread at a time, with a connection of its own that it keeps.
class V2Session final : public exec::Session {
 public:
  explicit V2Session(const Known& known) : known_(known) {}

  void Start(const exec::Run& run, exec::RunObserver& observer) override {
    const Result<void> ran = Perform(run);
    if (ran.has_value()) return observer.OnResponse(true);
    observer.OnError(ran.error());
  }
  // What is under way goes on to its end, or that of its time.
  void Interrupt() override {}

 private:
  Result<void> Perform(const exec::Run& run) {
    const tensor::Signature& signature = known_.metadata.signature;
    TRY(message, WriteRequest(signature, run.inputs, run.wanted, known_.is_binary));
    net::ClientRequest request{.method = "POST",
                               .url = UrlOf(known_.port, "/v2/models/" + known_.name + "/infer"),
                               // No question whether the body may come.
                               .headers = {{"Expect", ""}},
                               .body = std::move(message.body),
                               .idle_timeout = milliseconds(0),
                               .max_response_bytes = kMaxAnswerBytes};
    if (message.header_bytes == 0) {
      request.headers.emplace_back("Content-Type", "application/json");
    } else {
      request.headers.emplace_back("Content-Type", "application/octet-stream");
      request.headers.emplace_back(kHeaderLength, std::to_string(message.header_bytes));
    }
    if (run.deadline != Clock::time_point::max()) {
      const auto left = std::chrono::ceil<milliseconds>(run.deadline - Clock::now());
      if (left.count() <= 0) return TooLate();
      request.timeout = left;
    }
    Result<net::ClientResponse> answer = client_.Send(request);
    if (answer.has_error()) return Failure(answer.error());
    if (answer->status != kOk) return ErrorOfAnswer(answer->status, answer->body);
    return Take(*std::move(answer), run);
  }

  static Error TooLate() {
    return {Code::kDeadlineExceeded, "RUN_DEADLINE", "Request timeout expired"};
  }

  Error Failure(const Error& error) const {
    if (error.code() == Code::kDeadlineExceeded) {
      known_.overdue();
      return TooLate();
    }
    if (error.code() == Code::kUnavailable) {
      return Unavailable("PROGRAM_DOWN",
                         "the program of this service closed the connection without an answer: try "
                         "again");
    }
    if (error.code() == Code::kResourceExhausted) return error;
    return Internal(
        "PROGRAM_ANSWER",
        "the program of this service gave an answer that is no HTTP: " + error.message());
  }

  Result<void> Take(net::ClientResponse answer, const exec::Run& run) {
    body_ = std::move(answer.body);
    uint64_t header_bytes = 0;
    if (const auto text = answer.Header(kHeaderLength)) {
      const auto [end, problem] =
          std::from_chars(text->data(), text->data() + text->size(), header_bytes);
      if (problem != std::errc() || end != text->data() + text->size() || header_bytes == 0) {
        return Internal("PROGRAM_ANSWER",
                        "the program of this service answered with an "
                        "Inference-Header-Content-Length that is no length");
      }
    }
    return ReadAnswer(body_, header_bytes, known_.metadata.signature, run.wanted, run.outputs);
  }

  const Known& known_;
  net::HttpClient client_;
  std::string body_;  // outputs show it until the next run
};

class V2Model final : public exec::Model {
 public:
  explicit V2Model(Known known) : known_(std::move(known)) {}

  const tensor::Signature& signature() const override { return known_.metadata.signature; }
  std::string_view platform() const override { return known_.metadata.platform; }
  bool completes_in_call() const override { return true; }
  Result<std::unique_ptr<exec::Session>> OpenSession() override {
    return std::unique_ptr<exec::Session>(std::make_unique<V2Session>(known_));
  }

 private:
  const Known known_;
};

// Looks again and again until the program is ready.
class Waiting {
 public:
  explicit Waiting(const V2Options& options) : options_(options) {}

  // The name of the model that is.
  Result<std::string> Await() {
    const Clock::time_point end = Clock::now() + options_.start_timeout;
    Clock::time_point unknown_since = Clock::time_point::max();
    while (true) {
      const std::string how = options_.ended_within(kReadyTick);
      if (!how.empty()) return EndedEarly(how);
      if (Is("/v2/health/ready")) {
        bool is_loading = false;
        for (const std::string& name : options_.names) {
          if (Is("/v2/models/" + name + "/ready")) return name;
          is_loading = is_loading || last_status_ == kUnavailable || last_status_ == 0;
        }
        if (is_loading) unknown_since = Clock::time_point::max();
        if (!is_loading) unknown_since = std::min(unknown_since, Clock::now());
        if (!is_loading && Clock::now() - unknown_since >= kModelGrace) return Unknown();
      }
      if (Clock::now() >= end) return NotReady(options_.start_timeout, last_);
    }
  }

 private:
  static constexpr int kUnavailable = 503;

  bool Is(const std::string& path) {
    const Result<net::ClientResponse> answer = Ask(client_, options_.port, path, kQuestionTime);
    last_status_ = answer.has_error() ? 0 : answer->status;
    last_ = path + (answer.has_error() ? ": " + answer.error().message()
                                       : " answered " + std::to_string(answer->status));
    return last_status_ == kOk;
  }

  Error Unknown() const {
    std::string names;
    for (const std::string& name : options_.names) names += (names.empty() ? "" : ", ") + name;
    return FailedPrecondition("PROGRAM_MODEL_UNKNOWN",
                              "the program is ready and serves no model of the names " + names +
                                  " (" + last_ +
                                  "): what it serves goes by the name of one of its models in the "
                                  "service (mountAs)");
  }

  const V2Options& options_;
  net::HttpClient client_;
  std::string last_;
  int last_status_ = 0;
};

}  // namespace

Result<std::unique_ptr<exec::Model>> ConnectV2(V2Options options) {
  TRY(name, Waiting(options).Await());
  net::HttpClient client;
  const std::string path = "/v2/models/" + name;
  const Result<net::ClientResponse> answer = Ask(client, options.port, path, kQuestionTime);
  if (answer.has_error() || answer->status != kOk) {
    return FailedPrecondition(
        "PROGRAM_METADATA",
        "the program does not tell what its model takes and gives: " + path +
            (answer.has_error() ? ": " + answer.error().message()
                                : " answered " + std::to_string(answer->status)));
  }
  TRY(metadata, ReadMetadata(answer->body, name));
  const Result<net::ClientResponse> server = Ask(client, options.port, "/v2", kQuestionTime);
  const bool is_binary =
      server.has_value() && server->status == kOk && HasBinaryTensors(server->body);
  return std::unique_ptr<exec::Model>(
      std::make_unique<V2Model>(Known{.port = options.port,
                                      .name = std::move(name),
                                      .metadata = std::move(metadata),
                                      .is_binary = is_binary,
                                      .overdue = std::move(options.overdue)}));
}

bool IsAlive(uint16_t port, milliseconds time) {
  net::HttpClient client;
  return Ask(client, port, "/v2/health/live", time).has_value();
}

}  // namespace slipway::engine::program
