#include "engine/program/http_model.h"

#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/passed_http.h"
#include "engine/program/readiness.h"
#include "net/field.h"
#include "net/http_client.h"

namespace slipway::engine::program {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kOk = 200;
constexpr int kNoContent = 204;
constexpr int kNotModified = 304;

struct Known {
  uint16_t port = 0;
  std::function<void()> overdue;
};

Error TooLate() {
  return {Code::kDeadlineExceeded, "RUN_DEADLINE", "Request timeout expired"};
}

Error Broken() {
  return Internal("WORKER_FRAME", "a run that is no HTTP request");
}

Result<void> SetWords(const std::vector<std::string>& words, tensor::Tensor& out) {
  TRY_VOID(out.Reset(tensor::DataType::kBytes, {static_cast<int64_t>(words.size())}));
  for (const std::string& word : words) out.AppendString(word);
  out.SealStrings();
  return {};
}

Result<void> SetBytes(std::string_view bytes, tensor::Tensor& out) {
  TRY_VOID(out.Reset(tensor::DataType::kUint8, {static_cast<int64_t>(bytes.size())}));
  if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return {};
}

// Of one run: takes the answer as it comes.
class AnswerTaker {
 public:
  AnswerTaker(const exec::Run& run, bool is_head) : run_(run), is_head_(is_head) {}

  Result<void> TakeHead(const net::ClientResponse& head) {
    if (!words_.empty()) return {};  // trailers
    words_.push_back(std::to_string(head.status));
    for (const auto& [name, value] : head.headers) {
      words_.push_back(name);
      words_.push_back(value);
    }
    in_parts_ = !IsShort(head) && run_.on_part != nullptr;
    if (!in_parts_) return {};
    TRY_VOID(SetWords(words_, run_.outputs[passed_http::kHead]));
    return Give({});
  }
  Result<void> TakeBody(std::string_view piece) {
    if (in_parts_) {
      TRY_VOID(SetWords({}, run_.outputs[passed_http::kHead]));
      return Give(piece);
    }
    if (body_.size() + piece.size() > kMaxAnswerBytes) {
      return ResourceExhausted("RESPONSE_TOO_LARGE", "the answer of the program is too large");
    }
    body_ += piece;
    return {};
  }
  // The last part.
  Result<void> Finish() {
    TRY_VOID(SetWords(in_parts_ ? std::vector<std::string>() : words_,
                      run_.outputs[passed_http::kHead]));
    return SetBytes(body_, run_.outputs[passed_http::kBody]);
  }

 private:
  // Whether it is worth waiting for the whole of it.
  bool IsShort(const net::ClientResponse& head) const {
    if (is_head_ || head.status == kNoContent || head.status == kNotModified) return true;
    const std::string text = head.Header("Content-Length").value_or("");
    const std::optional<uint64_t> length = net::ParseWholeNumber(text);
    return length && *length <= kMaxAnswerAtOnce;
  }

  Result<void> Give(std::string_view piece) {
    TRY_VOID(SetBytes(piece, run_.outputs[passed_http::kBody]));
    (*run_.on_part)();
    return {};
  }

  const exec::Run& run_;
  const bool is_head_;
  std::vector<std::string> words_;
  std::string body_;
  bool in_parts_ = false;
};

// Of one thread at a time, with a connection of its own that it keeps.
class HttpSession final : public exec::Session {
 public:
  explicit HttpSession(const Known& known) : known_(known) {}

  void Start(const exec::Run& run, exec::RunObserver& observer) override {
    const Result<void> ran = Perform(run);
    if (ran.has_value()) return observer.OnResponse(true);
    observer.OnError(ran.error());
  }
  // The client looks at run.cancelled.
  void Interrupt() override {}

 private:
  Result<void> Perform(const exec::Run& run) {
    TRY(request, RequestOf(run));
    AnswerTaker taker(run, request.method == "HEAD");
    request.on_head = [&](const net::ClientResponse& head) { return taker.TakeHead(head); };
    request.download = [&](std::string_view piece) { return taker.TakeBody(piece); };
    const Result<net::ClientResponse> answer = client_.Send(request);
    if (answer.has_error()) return Failure(answer.error());
    return taker.Finish();
  }

  Result<net::ClientRequest> RequestOf(const exec::Run& run) const {
    const std::span<const std::string_view> words = run.inputs[passed_http::kHead].strings();
    const bool wants_all = run.wanted.size() == 2 && run.wanted[0] == passed_http::kHead &&
                           run.wanted[1] == passed_http::kBody;
    if (!wants_all || words.size() < passed_http::kRequestWords || words.size() % 2 != 0) {
      return Broken();
    }
    const tensor::Tensor& body = run.inputs[passed_http::kBody];
    net::ClientRequest request{
        .method = std::string(words[0]),
        .url = UrlOf(known_.port, "/"),
        .raw_target = std::string(words[1]),
        .body = std::string(reinterpret_cast<const char*>(body.data()), body.size_bytes()),
        .cancelled = run.cancelled,
        .idle_timeout = milliseconds(0)};
    for (size_t i = passed_http::kRequestWords; i < words.size(); i += 2) {
      request.headers.emplace_back(words[i], words[i + 1]);
    }
    if (run.deadline == Clock::time_point::max()) return request;
    request.timeout = std::chrono::ceil<milliseconds>(run.deadline - Clock::now());
    if (request.timeout.count() <= 0) return TooLate();
    return request;
  }

  Error Failure(const Error& error) const {
    switch (error.code()) {
      case Code::kDeadlineExceeded:
        known_.overdue();
        return TooLate();
      case Code::kUnavailable:
        return Unavailable("PROGRAM_DOWN",
                           "the program of this service closed the connection before its answer "
                           "was whole: try again");
      case Code::kCancelled:
      case Code::kResourceExhausted:
        return error;
      default:
        return Internal(
            "PROGRAM_ANSWER",
            "the program of this service gave an answer that is no HTTP, or not whole: " +
                error.message());
    }
  }

  const Known& known_;
  net::HttpClient client_;
};

class HttpModel final : public exec::Model {
 public:
  explicit HttpModel(Known known) : known_(std::move(known)) {}

  const tensor::Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "http"; }
  bool completes_in_call() const override { return true; }
  bool decoupled() const override { return true; }
  Result<std::unique_ptr<exec::Session>> OpenSession() override {
    return std::unique_ptr<exec::Session>(std::make_unique<HttpSession>(known_));
  }

 private:
  const Known known_;
  const tensor::Signature signature_ = passed_http::MakeSignature();
};

// Whether it is ready; else `last` says what was seen.
bool IsReady(net::HttpClient& client, const HttpOptions& options, std::string& last) {
  if (options.ready_path.empty()) {
    last = "nobody listens";
    return Listens(options.port);
  }
  const Result<net::ClientResponse> answer =
      Ask(client, options.port, options.ready_path, kQuestionTime);
  last = options.ready_path + (answer.has_error() ? ": " + answer.error().message()
                                                  : " answered " + std::to_string(answer->status));
  return answer.has_value() && answer->status == kOk;
}

}  // namespace

Result<std::unique_ptr<exec::Model>> ConnectHttp(HttpOptions options) {
  const Clock::time_point end = Clock::now() + options.start_timeout;
  net::HttpClient client;
  std::string last;
  while (true) {
    const std::string how = options.ended_within(kReadyTick);
    if (!how.empty()) return EndedEarly(how);
    if (IsReady(client, options, last)) break;
    if (Clock::now() >= end) return NotReady(options.start_timeout, last);
  }
  return std::unique_ptr<exec::Model>(std::make_unique<HttpModel>(
      Known{.port = options.port, .overdue = std::move(options.overdue)}));
}

bool IsHttpAlive(uint16_t port, const std::string& ready_path, milliseconds time) {
  if (ready_path.empty()) return Listens(port);
  net::HttpClient client;
  return Ask(client, port, ready_path, time).has_value();
}

}  // namespace slipway::engine::program
