#include "klever/upload/chunked_upload.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "klever/limits.h"

namespace slipway::klever {
namespace {

constexpr size_t kCompareBytes = 256 << 10;

Error Conflict(std::string message) {
  return Error(Code::kAborted, "UPLOAD_CONFLICT", std::move(message));
}

Error Busy(std::string message) {
  return Error(Code::kAborted, "UPLOAD_BUSY", std::move(message));
}

Error Gone() {
  return Error(Code::kAborted, "UPLOAD_GONE",
               "the upload ended or was cancelled meanwhile; look whether the version is there, "
               "and begin anew if it is not.");
}

SpanSet SpansOf(const UploadRecord& record) {
  SpanSet spans;
  for (const UploadRange& range : record.ranges) {
    if (range.last < record.total_bytes) spans.Add({.begin = range.first, .end = range.last + 1});
  }
  return spans;
}

std::vector<UploadRange> RangesOf(const SpanSet& spans) {
  std::vector<UploadRange> ranges;
  for (const Span& span : spans.spans()) ranges.push_back({span.begin, span.end - 1});
  return ranges;
}

}  // namespace

ChunkedUpload::ChunkedUpload(FileSystem& files, store::DiskReserve reserve, std::string folder,
                             UploadRecord record, std::unique_ptr<File> data)
    : files_(files),
      reserve_(std::move(reserve)),
      folder_(std::move(folder)),
      data_(std::move(data)) {
  shared_.With([&](Shared& shared) {
    shared.present = SpansOf(record);
    shared.record = std::move(record);
  });
}

Result<std::unique_ptr<UploadChunk>> UploadChunk::Begin(std::shared_ptr<ChunkedUpload> upload,
                                                        Span span) {
  const Result<void> begun =
      upload->shared_.With([&](ChunkedUpload::Shared& shared) -> Result<void> {
        if (shared.gone) return Gone();
        if (shared.finishing)
          return Busy("all of the file is there and is being stored; wait for it.");
        if (shared.in_flight.Overlaps(span)) {
          return Busy("another request sends these bytes at this moment; wait for its answer.");
        }
        // A chunk that fills a gap makes them fewer.
        SpanSet with_it = shared.present;
        with_it.Add(span);
        if (with_it.spans().size() > kMaxRanges) {
          return InvalidArgument("UPLOAD_CHUNKS",
                                 "the upload has " + std::to_string(kMaxRanges) +
                                     " chunks with gaps between them; send what is in those "
                                     "first.");
        }
        shared.in_flight.Add(span);
        return {};
      });
  if (!begun) return begun.error();
  return std::make_unique<UploadChunk>(std::move(upload), span);
}

UploadChunk::~UploadChunk() {
  upload_->EndChunk(span_);
}

Result<void> UploadChunk::Write(std::string_view bytes) {
  if (bytes.size() > span_.end - at_) {
    return InvalidArgument("SIZE_INVALID",
                           "the file of this request has more bytes than its Content-Range says.");
  }
  TRY_VOID(upload_->WriteAt(at_, bytes));
  at_ += bytes.size();
  return {};
}

Result<void> UploadChunk::Keep() {
  return upload_->Promise({.begin = span_.begin, .end = at_});
}

Result<void> ChunkedUpload::WriteAt(uint64_t offset, std::string_view bytes) {
  const SpanSet present = this->present();
  const Span span{.begin = offset, .end = offset + bytes.size()};
  for (const Span& part : present.Within(span)) {
    TRY_VOID(Compare(part.begin, bytes.substr(part.begin - offset, part.size_bytes())));
  }
  SpanSet within;
  for (const Span& part : present.Within(span)) {
    within.Add({.begin = part.begin - offset, .end = part.end - offset});
  }
  for (const Span& part : within.Missing(bytes.size())) {
    TRY_VOID(reserve_.Check(part.size_bytes()));
    TRY_VOID(data_->WriteAt(offset + part.begin, bytes.substr(part.begin, part.size_bytes())));
  }
  return {};
}

// Bytes that are there already must be the same: otherwise two files are being mixed.
Result<void> ChunkedUpload::Compare(uint64_t offset, std::string_view bytes) {
  std::string there(std::min(kCompareBytes, bytes.size()), '\0');
  while (!bytes.empty()) {
    const size_t wanted = std::min(there.size(), bytes.size());
    TRY(count, data_->ReadAt(offset, there.data(), wanted));
    if (count != wanted || bytes.substr(0, wanted) != std::string_view(there.data(), wanted)) {
      return Conflict("other bytes came before between byte " + std::to_string(offset) +
                      " and byte " + std::to_string(offset + wanted - 1) +
                      ": this is another file. Cancel the upload with DELETE to begin anew.");
    }
    offset += wanted;
    bytes.remove_prefix(wanted);
  }
  return {};
}

Result<void> ChunkedUpload::Promise(Span span) {
  if (span.begin >= span.end) return {};
  TRY_VOID(data_->Sync());
  return writer_.With([&](Writer&) -> Result<void> {
    const Shared before = shared_.With([](const Shared& shared) { return shared; });
    if (before.gone) return Gone();
    SpanSet present = before.present;
    present.Add(span);
    UploadRecord record = before.record;
    record.ranges = RangesOf(present);
    TRY_VOID(Store(record));
    shared_.With([&](Shared& shared) {
      shared.present = std::move(present);
      shared.record = std::move(record);
    });
    return {};
  });
}

Result<void> ChunkedUpload::State(const std::string& model, const std::optional<Digest>& sha256) {
  return writer_.With([&](Writer&) -> Result<void> {
    const Shared before = shared_.With([](const Shared& shared) { return shared; });
    if (before.gone) return Gone();
    UploadRecord record = before.record;
    const bool whole = before.present.Missing(record.total_bytes).empty();
    if (!model.empty() && !record.model.empty() && model != record.model && !whole) {
      return Conflict(
          "another request of this upload came with another `model`; all must come "
          "with the same.");
    }
    if (sha256 && !record.sha256.empty() && record.sha256 != sha256->hex()) {
      return Conflict("another request of this upload stated another checksum of the file.");
    }
    if (!model.empty()) record.model = model;
    if (sha256) record.sha256 = sha256->hex();
    if (record.model == before.record.model && record.sha256 == before.record.sha256) return {};
    TRY_VOID(Store(record));
    shared_.With([&](Shared& shared) { shared.record = std::move(record); });
    return {};
  });
}

Result<void> ChunkedUpload::Store(const UploadRecord& record) {
  return WriteFileDurably(files_, folder_ + "/record.json", DumpJson(Encode(record)));
}

UploadRecord ChunkedUpload::record() const {
  return shared_.With([](const Shared& shared) { return shared.record; });
}

SpanSet ChunkedUpload::present() const {
  return shared_.With([](const Shared& shared) { return shared.present; });
}

bool ChunkedUpload::complete() const {
  return shared_.With([](const Shared& shared) {
    return shared.present.Missing(shared.record.total_bytes).empty();
  });
}

bool ChunkedUpload::BeginFinish() {
  return shared_.With([](Shared& shared) {
    if (shared.finishing || shared.gone) return false;
    return shared.finishing = true;
  });
}

void ChunkedUpload::EndFinish() {
  shared_.With([](Shared& shared) { shared.finishing = false; });
}

bool ChunkedUpload::BeginRemovalOfNothing() {
  return shared_.With([](Shared& shared) {
    const bool empty = shared.present.spans().empty() && shared.in_flight.spans().empty();
    if (!empty || shared.finishing || shared.gone) return false;
    return shared.finishing = true;
  });
}

void ChunkedUpload::EndChunk(Span span) {
  shared_.With([&](Shared& shared) {
    SpanSet left;
    for (const Span& other : shared.in_flight.spans()) {
      if (other.begin < span.begin) {
        left.Add({.begin = other.begin, .end = std::min(other.end, span.begin)});
      }
      if (other.end > span.end) {
        left.Add({.begin = std::max(other.begin, span.end), .end = other.end});
      }
    }
    shared.in_flight = std::move(left);
  });
}

Result<void> ChunkedUpload::Store() {
  return writer_.With([&](Writer&) { return Store(record()); });
}

void ChunkedUpload::SetGone() {
  // Not while a record is being written: its folder goes next.
  writer_.With([&](Writer&) { shared_.With([](Shared& shared) { shared.gone = true; }); });
}

}  // namespace slipway::klever
