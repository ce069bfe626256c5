#include "cli/infer/batch.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "async/parallel.h"
#include "cli/infer/batch_output.h"
#include "cli/infer/batch_source.h"
#include "cli/infer/inference_error.h"
#include "cli/infer/limits.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

using std::chrono::milliseconds;

// How often a data plane that is full or away is asked again, and how long that takes at most.
constexpr int kAttempts = 10;
constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{10'000};
// What is read ahead, so that no worker waits for another for long.
constexpr size_t kItemsOfAWorker = 16;
constexpr uint64_t kAheadBytes = 64 << 20;

struct Answer {
  int status = 0;
  std::string body;
};

bool IsTemporary(const Result<net::ClientResponse>& response) {
  if (response.has_error()) {
    const std::string_view reason = response.error().reason();
    return reason == "CONNECT_FAILED" || reason == "CONNECTION_LOST";
  }
  return response->status == 429 || response->status == 503;
}

// Of all requests alike, so that none needs to be tried after it.
bool IsOfAll(int status) {
  return status == 401 || status == 403 || status == 404;
}

milliseconds PauseAfter(const Result<net::ClientResponse>& response, int attempt) {
  milliseconds pause = std::min(kFirstPause * (1 << attempt), kLongestPause);
  if (response.has_error()) return pause;
  const std::string told = response->Header("Retry-After").value_or("");
  int64_t seconds = 0;
  std::from_chars(told.data(), told.data() + told.size(), seconds);
  return std::clamp(milliseconds(seconds * 1000), pause, kLongestPause);
}

class Batch {
 public:
  Batch(ApiClient& api, const BatchOptions& options, std::string token)
      : options_(options), token_(std::move(token)) {
    for (size_t i = 0; i < options.jobs; ++i) {
      clients_.push_back(std::make_unique<net::HttpClient>(HttpOptionsOf(api.context())));
    }
  }

  Result<void> Run(BatchSource& source, BatchOutput& output, Progress& progress) {
    uint64_t done_bytes = 0;
    while (true) {
      TRY(items, ReadAhead(source));
      if (items.empty()) break;
      TRY_VOID(AnswerAll(items, output));
      for (const BatchItem& item : items) done_bytes += item.text.size();
      // Lines and blanks between the requests make up the rest.
      progress.Update(options_.input, std::min(done_bytes, source.size_bytes() - 1),
                      source.size_bytes());
    }
    progress.Update(options_.input, source.size_bytes(), source.size_bytes());
    return output.Sync();
  }

 private:
  Result<std::vector<BatchItem>> ReadAhead(BatchSource& source) {
    std::vector<BatchItem> items;
    uint64_t bytes = 0;
    while (items.size() < options_.jobs * kItemsOfAWorker && bytes < kAheadBytes) {
      TRY(item, source.Next());
      if (!item) break;
      bytes += item->text.size();
      items.push_back(*std::move(item));
    }
    return items;
  }

  // What is answered before one that ends the batch is kept.
  Result<void> AnswerAll(const std::vector<BatchItem>& items, BatchOutput& output) {
    std::vector<std::optional<Answer>> answers(items.size());
    Result<void> done = ForEachInParallel(items.size(), options_.jobs,
                                          [&](size_t index, size_t worker) -> Result<void> {
                                            TRY(answer, Ask(*clients_[worker], items[index]));
                                            answers[index] = std::move(answer);
                                            return {};
                                          });
    for (size_t i = 0; i < items.size() && answers[i]; ++i) {
      if (answers[i]->status == 200) {
        TRY_VOID(output.Add(items[i], std::move(answers[i]->body)));
      } else {
        TRY_VOID(output.AddError(items[i], answers[i]->status,
                                 InferenceError(answers[i]->status, answers[i]->body).message()));
      }
    }
    if (done.has_error()) TRY_VOID(output.Sync());
    return done;
  }

  Result<Answer> Ask(net::HttpClient& client, const BatchItem& item) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = options_.url;
    request.body = item.text;
    request.headers.emplace_back("Content-Type", "application/json");
    if (!token_.empty()) request.headers.emplace_back("Authorization", "Bearer " + token_);
    request.max_response_bytes = kMaxAnswerBytes;
    for (int attempt = 0;; ++attempt) {
      Result<net::ClientResponse> response = client.Send(request);
      if (IsTemporary(response) && attempt + 1 < kAttempts) {
        std::this_thread::sleep_for(PauseAfter(response, attempt));
        continue;
      }
      if (response.has_error()) return response.error().Prefixed(item.name + ": ");
      if (IsTemporary(response) || IsOfAll(response->status)) {
        return InferenceError(response->status, response->body).Prefixed(item.name + ": ");
      }
      return Answer{.status = response->status, .body = std::move(response->body)};
    }
  }

  const BatchOptions& options_;
  const std::string token_;
  std::vector<std::unique_ptr<net::HttpClient>> clients_;
};

// To behind what an earlier run answered.
Result<void> PassOver(BatchSource& source, const BatchOutput& output) {
  for (uint64_t i = 0; i < output.done(); ++i) {
    TRY(item, source.Next());
    if (!item) {
      return InvalidArgument(
          "BATCH_OUTPUT", fmt::format("the output has {} answers and the input {} requests: name "
                                      "another file with --out, or remove it",
                                      output.done(), i));
    }
    if (i + 1 == output.done()) TRY_VOID(output.CheckLast(*item));
  }
  return {};
}

Result<void> Report(Format format, const BatchOptions& options, const BatchOutput& output,
                    uint64_t before) {
  TRY_VOID(PrintOutcome(
      format,
      {{"output", options.output},
       {"requests", output.done()},
       {"failed", output.failed()},
       {"before", before}},
      options.output,
      fmt::format("{}: {} answers, {} of them errors{}", options.output, output.done(),
                  output.failed(), before == 0 ? "" : fmt::format(", {} from before", before))));
  if (output.failed() == 0) return {};
  return Internal("BATCH_FAILED",
                  fmt::format("{} of {} requests were refused: the lines with \"error\" in {} say "
                              "why",
                              output.failed(), output.done(), options.output));
}

}  // namespace

Result<void> RunBatch(Client& client, const BatchOptions& options) {
  TRY(format, client.OutputFormat());
  TRY(api, client.Api());
  TRY(token, api->Token());
  TRY(source, BatchSource::Open(AbsolutePath(options.input), kMaxRequestBytes));
  TRY(output, BatchOutput::Open(AbsolutePath(options.output)));
  const uint64_t before = output.done();
  TRY_VOID(PassOver(source, output));
  Progress progress(client.clock(), "inferring");
  const Result<void> done = Batch(*api, options, token).Run(source, output, progress);
  progress.Finish();
  if (done.has_error()) {
    return done.error().Prefixed(
        fmt::format("{} answers are in {}, and the same command goes on from there. ",
                    output.done(), options.output));
  }
  return Report(format, options, output, before);
}

}  // namespace slipway::cli
