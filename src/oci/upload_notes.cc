#include "oci/upload_notes.h"

#include <string_view>

#include "base/digest.h"
#include "oci/limits.h"

namespace slipway::oci {
namespace {

constexpr std::string_view kVersion = "slipway upload 1\n";

}  // namespace

UploadNote::UploadNote(FileSystem& files, std::string path, std::string upload, FileLock file)
    : files_(&files), path_(std::move(path)), upload_(std::move(upload)), file_(std::move(file)) {
  Read();
}

// Three lines, each whole: the version, the upload, the location.
void UploadNote::Read() {
  std::string text(kMaxUploadNoteBytes, '\0');
  const auto size = file_.file().ReadAt(0, text.data(), text.size());
  if (!size) return;
  text.resize(*size);
  const std::string head = std::string(kVersion) + upload_ + "\n";
  if (!text.starts_with(head) || !text.ends_with('\n')) return;
  std::string location = text.substr(head.size());
  if (location.empty()) return;
  location.pop_back();
  if (location.find('\n') == std::string::npos) location_ = std::move(location);
}

void UploadNote::Write(const std::string& location) {
  if (location == location_) return;
  location_.clear();
  const std::string text = std::string(kVersion) + upload_ + "\n" + location + "\n";
  if (text.size() > kMaxUploadNoteBytes || location.find('\n') != std::string::npos) return;
  if (file_.file().Truncate(0) && file_.file().WriteAt(0, text)) location_ = location;
}

void UploadNote::Forget() {
  location_.clear();
  (void)file_.file().Truncate(0);
  (void)files_->Remove(path_);
}

UploadNotes::UploadNotes(FileSystem& files, std::string folder, Clock& clock)
    : files_(files), folder_(std::move(folder)) {
  const auto names = files_.List(folder_);
  if (!names) return;
  const int64_t now_ms = clock.Wall().time_since_epoch().count();
  for (const std::string& name : *names) {
    const std::string path = folder_ + "/" + name;
    const auto info = files_.Info(path);
    if (!info || info->is_directory) continue;
    if (now_ms - info->modified_ms > kUploadNoteLifetime.count()) (void)files_.Remove(path);
  }
}

std::optional<UploadNote> UploadNotes::Open(const std::string& upload) {
  if (!files_.MakeDirectories(folder_)) return std::nullopt;
  std::string path = folder_ + "/" + std::string(Digest::Of(upload).hex());
  auto file = files_.Open(
      path, {.write = true, .create = true, .refuse_special = true, .beneath = folder_});
  if (!file) return std::nullopt;
  auto locked = FileLock::Try(*std::move(file), FileLock::Mode::kExclusive);
  if (!locked || !*locked) return std::nullopt;
  return UploadNote(files_, std::move(path), upload, **std::move(locked));
}

}  // namespace slipway::oci
