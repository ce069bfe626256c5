// UploadNotes: where uploads that are under way stand at their registries, in a folder of their
// owner's, so that the next program goes on with what a killed one sent.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/file_lock.h"
#include "base/file_system.h"

namespace slipway::oci {

// One upload. While it lives, no other program has it.
class UploadNote {
 public:
  UploadNote(FileSystem& files, std::string path, std::string upload, FileLock file);

  // Where the session is; empty: nobody began one.
  const std::string& location() const { return location_; }
  // What cannot be written is not remembered: the next try begins anew, as without a note.
  void Write(const std::string& location);
  // The upload is over.
  void Forget();

 private:
  void Read();

  FileSystem* files_;
  std::string path_;
  std::string upload_;
  std::string location_;
  FileLock file_;
};

// Thread-safe. It is a help and no more: whatever goes wrong with the folder, uploads work.
class UploadNotes {
 public:
  // Both outlive it. Removes notes that nobody touched for kUploadNoteLifetime.
  UploadNotes(FileSystem& files, std::string folder, Clock& clock);

  // `upload` names registry, repository and digest. Nothing if another program has it at this
  // moment, or the folder cannot be written.
  std::optional<UploadNote> Open(const std::string& upload);

 private:
  FileSystem& files_;
  const std::string folder_;
};

}  // namespace slipway::oci
