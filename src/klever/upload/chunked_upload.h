// ChunkedUpload: the upload of one version in several requests, on the disk. Format:
// docs/formats/klever-uploads.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/guarded.h"
#include "base/describe.h"
#include "base/digest.h"
#include "base/file_system.h"
#include "base/result.h"
#include "klever/upload/content_range.h"
#include "store/object/object_store.h"

namespace slipway::klever {

struct UploadRange {
  uint64_t first = 0;
  uint64_t last = 0;
};
BOOST_DESCRIBE_STRUCT(UploadRange, (), (first, last))

// What the disk keeps beside the bytes. Only ranges in it are promised to be there.
struct UploadRecord {
  std::string repository;
  std::string version;
  std::string subject;  // who began it, and alone may go on
  uint64_t total_bytes = 0;
  std::string model;   // the form's field, as it came; empty: not yet
  std::string sha256;  // of the file, as it was stated; empty: not
  std::vector<UploadRange> ranges;
};
BOOST_DESCRIBE_STRUCT(UploadRecord, (),
                      (repository, version, subject, total_bytes, model, sha256, ranges))

// One version's upload. Thread-safe; calls with files block. Errors of all that give a record:
// ABORTED / UPLOAD_CONFLICT when what is stated contradicts what was, UPLOAD_BUSY while another
// request sends the same bytes or puts the file together, UPLOAD_GONE when it ended meanwhile.
class ChunkedUpload {
 public:
  ChunkedUpload(FileSystem& files, store::DiskReserve reserve, std::string folder,
                UploadRecord record, std::unique_ptr<File> data);

  // States what the form's other field and the headers say. A file that is whole takes another
  // `model`: what kept it from being stored may have been in that.
  Result<void> State(const std::string& model, const std::optional<Digest>& sha256);

  UploadRecord record() const;
  SpanSet present() const;
  bool complete() const;
  // False if somebody has it already. Whoever does calls EndFinish, unless the upload is removed.
  bool BeginFinish();
  void EndFinish();
  // As BeginFinish, if there is no byte of it and nobody sends one: it is to be removed.
  bool BeginRemovalOfNothing();
  std::string data_path() const { return folder_ + "/data"; }
  const std::string& folder() const { return folder_; }
  // Writes the record as it is: the first thing of a new upload.
  Result<void> Store();
  // It ends: every later call answers UPLOAD_GONE. Waits for one that writes the record.
  void SetGone();

 private:
  friend class UploadChunk;
  struct Shared {
    UploadRecord record;
    SpanSet present;
    SpanSet in_flight;
    bool finishing = false;
    bool gone = false;
  };

  Result<void> WriteAt(uint64_t offset, std::string_view bytes);
  Result<void> Compare(uint64_t offset, std::string_view bytes);
  Result<void> Promise(Span span);
  Result<void> Store(const UploadRecord& record);
  void EndChunk(Span span);

  FileSystem& files_;
  const store::DiskReserve reserve_;
  const std::string folder_;
  const std::unique_ptr<File> data_;
  // One change of the record at a time, also while it is written. Taken before `shared_`, which is
  // held for moments only: cores look at that.
  struct Writer {};
  Guarded<Writer> writer_;
  Guarded<Shared> shared_;
};

// The bytes that one request sends. Nobody else may send them until it is destroyed. Not
// thread-safe; everything blocks.
class UploadChunk {
 public:
  static Result<std::unique_ptr<UploadChunk>> Begin(std::shared_ptr<ChunkedUpload> upload,
                                                    Span span);
  UploadChunk(std::shared_ptr<ChunkedUpload> upload, Span span)
      : upload_(std::move(upload)), span_(span), at_(span.begin) {}
  ~UploadChunk();
  UploadChunk(const UploadChunk&) = delete;
  UploadChunk& operator=(const UploadChunk&) = delete;

  // The next bytes. INVALID_ARGUMENT / SIZE_INVALID beyond the span, UPLOAD_CONFLICT where other
  // bytes are promised already.
  Result<void> Write(std::string_view bytes);
  // What was written is promised from now on, also if it is only the beginning of the span.
  Result<void> Keep();
  bool whole() const { return at_ == span_.end; }
  uint64_t missing_bytes() const { return span_.end - at_; }

 private:
  const std::shared_ptr<ChunkedUpload> upload_;
  const Span span_;
  uint64_t at_;
};

}  // namespace slipway::klever
