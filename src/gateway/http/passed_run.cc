#include "gateway/http/passed_run.h"

#include <utility>

#include "engine/passed_http.h"
#include "gateway/limits.h"

namespace slipway::gateway::http {

namespace passed_http = engine::passed_http;

PassedRun::PassedRun(asio::any_io_executor executor, RevisionRuntime& revision, CoreSlot& core,
                     Exchange::Clock::time_point arrived, std::shared_ptr<const PassedBody> body)
    : body_(std::move(body)),
      deadline_(arrived + revision.request_timeout()),
      exchange_(revision, core, arrived),
      on_part_([this] { Push(TakePart()); }),
      wakeup_(std::move(executor)) {}

Result<void> PassedRun::SetRequest(std::string_view method, std::string_view target,
                                   const Headers& headers) {
  v2::InferRequest& request = exchange_.request();
  request.Clear(exchange_.face().signature);
  const auto words = static_cast<int64_t>(passed_http::kRequestWords + 2 * headers.size());
  tensor::Tensor& head = request.inputs[passed_http::kHead];
  TRY_VOID(request.Hold(tensor::DataType::kBytes, {words}));
  TRY_VOID(head.Reset(tensor::DataType::kBytes, {words}));
  head.AppendString(method);
  head.AppendString(target);
  for (const auto& [name, value] : headers) {
    head.AppendString(name);
    head.AppendString(value);
  }
  head.SealStrings();
  // An engine only reads it.
  auto* const bytes = const_cast<char*>(body_->text.data());
  TRY_VOID(request.inputs[passed_http::kBody].Borrow(
      tensor::DataType::kUint8, {static_cast<int64_t>(body_->text.size())}, bytes, {}));
  request.WantAll(exchange_.face().signature, {.binary = true});
  exchange_.Parsed();
  exchange_.AnswerInParts(on_part_);
  return {};
}

Task<void> PassedRun::Run(std::shared_ptr<PassedRun> self) {
  if (self->is_abandoned_) co_return;
  const Result<void> ran = co_await self->exchange_.RunInTime();
  if (ran.has_error()) {
    self->exchange_.CountFailure(ran.error());
  } else {
    self->exchange_.CountSuccess();
    Part last = self->TakePart();
    std::lock_guard lock(self->mutex_);
    self->parts_.push_back(std::move(last));
  }
  self->End(ran);
}

Part PassedRun::TakePart() {
  Part part;
  const std::span<const tensor::Tensor> outputs = exchange_.outputs();
  for (const std::string_view word : outputs[passed_http::kHead].strings()) {
    part.head.emplace_back(word);
  }
  const tensor::Tensor& body = outputs[passed_http::kBody];
  part.body.assign(reinterpret_cast<const char*>(body.data()), body.size_bytes());
  return part;
}

void PassedRun::Push(Part part) {
  {
    std::unique_lock lock(mutex_);
    const bool has_room = room_.wait_until(lock, deadline_, [&] {
      return is_abandoned_ || result_ || parts_.empty() ||
             bytes_ + part.body.size() <= kMaxPassedBytes;
    });
    if (is_abandoned_ || result_) return;
    if (!has_room) {
      result_ = Error(Code::kDeadlineExceeded, "RUN_TIMEOUT",
                      "the answer was not taken within the time of the request");
    } else {
      bytes_ += part.body.size();
      parts_.push_back(std::move(part));
    }
  }
  wakeup_.Notify();
}

void PassedRun::End(Result<void> result) {
  {
    std::lock_guard lock(mutex_);
    if (!result_) result_ = std::move(result);
    is_done_ = true;
  }
  wakeup_.Notify();
}

Task<std::optional<Part>> PassedRun::Next() {
  while (true) {
    {
      std::lock_guard lock(mutex_);
      if (!parts_.empty()) {
        Part part = std::move(parts_.front());
        parts_.pop_front();
        bytes_ -= std::min(bytes_, part.body.size());
        room_.notify_all();
        co_return part;
      }
      if (result_) co_return std::nullopt;
    }
    if (!co_await wakeup_.Wait()) co_return std::nullopt;
  }
}

bool PassedRun::is_over() {
  std::lock_guard lock(mutex_);
  return parts_.empty() && result_.has_value();
}

Result<void> PassedRun::result() {
  std::lock_guard lock(mutex_);
  return result_.value_or(
      Error(Code::kCancelled, "REQUEST_CANCELLED", "the request was cancelled"));
}

void PassedRun::Abandon() {
  {
    std::lock_guard lock(mutex_);
    if (is_abandoned_) return;
    is_abandoned_ = true;
    if (is_done_) return;
  }
  room_.notify_all();
  exchange_.Observe(nullptr);
  exchange_.Cancel();
}

}  // namespace slipway::gateway::http
