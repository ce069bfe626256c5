#include "cli/infer/batch_output.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/json.h"

namespace slipway::cli {
namespace {

constexpr size_t kPieceBytes = 1 << 20;
constexpr uint64_t kMaxHeadBytes = 4096;  // of a line, up to its response
constexpr size_t kShaDigits = 16;

std::string ShaOf(const BatchItem& item) {
  return std::string(Digest::Of(item.text).hex().substr(0, kShaDigits));
}

std::string HeadOf(const BatchItem& item) {
  std::string head = DumpJson({{"index", item.index}, {"input", item.name}});
  head.back() = ',';
  return head + fmt::format(R"("sha256":"{}",)", ShaOf(item));
}

}  // namespace

Error BatchOutput::NotOurs(const std::string& why) const {
  return InvalidArgument(
      "BATCH_OUTPUT",
      fmt::format("{}: {}; name another file with --out, or remove it", path_, why));
}

Result<BatchOutput> BatchOutput::Open(const std::string& path) {
  TRY(file, PosixFileSystem().Open(
                path, {.write = true, .create = true, .refuse_special = true, .mode = 0644}));
  BatchOutput output(path, std::move(file));
  TRY_VOID(output.ReadLines());
  return output;
}

// Responses may be long; of each line no more than its head is looked at.
Result<void> BatchOutput::ReadLines() {
  std::string piece(kPieceBytes, '\0');
  std::string head;
  uint64_t at = 0;
  while (true) {
    TRY(count, file_->ReadAt(at, piece.data(), piece.size()));
    if (count == 0) break;
    std::string_view rest(piece.data(), count);
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      const std::string_view part = rest.substr(0, end);
      head += part.substr(0, kMaxHeadBytes - std::min<size_t>(head.size(), kMaxHeadBytes));
      at += part.size();
      rest.remove_prefix(part.size());
      if (end == std::string_view::npos) break;
      rest.remove_prefix(1);
      ++at;
      TRY_VOID(ReadLine(std::exchange(head, {})));
      size_bytes_ = at;
    }
  }
  if (at > size_bytes_ && done_ == 0 && !head.starts_with(R"({"index":0,)")) {
    return NotOurs("it is no output of a batch");
  }
  return file_->Truncate(size_bytes_);
}

Result<void> BatchOutput::ReadLine(const std::string& line) {
  const std::string begin = fmt::format(R"({{"index":{},"input":)", done_);
  const size_t sha = line.find(R"(,"sha256":")");
  if (!line.starts_with(begin) || sha == std::string::npos) {
    return NotOurs(fmt::format("line {} is no answer of a batch", done_ + 1));
  }
  constexpr size_t kNameBytes = 11;
  last_sha256_ = line.substr(sha + kNameBytes, kShaDigits);
  if (line.substr(sha + kNameBytes + kShaDigits).starts_with(R"(","error":)")) ++failed_;
  ++done_;
  return {};
}

Result<void> BatchOutput::CheckLast(const BatchItem& item) const {
  if (ShaOf(item) == last_sha256_) return {};
  return NotOurs(fmt::format("its line {} answers another request than {}", done_, item.name));
}

Result<void> BatchOutput::Add(const BatchItem& item, std::string body) {
  // Between the values of JSON a line may end, within them none does.
  std::ranges::replace(body, '\n', ' ');
  return Append(HeadOf(item) + R"("response":)" + body + "}\n");
}

Result<void> BatchOutput::AddError(const BatchItem& item, int status, const std::string& message) {
  ++failed_;
  return Append(HeadOf(item) + R"("error":)" +
                DumpJson({{"status", status}, {"message", message}}) + "}\n");
}

Result<void> BatchOutput::Append(std::string line) {
  TRY_VOID(file_->WriteAt(size_bytes_, line));
  size_bytes_ += line.size();
  ++done_;
  return {};
}

}  // namespace slipway::cli
