// EntryNames: the paths that the files of one package claim, whatever archives or layers they are
// in. What is odd about a name is refused here, with the name.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/archive/byte_source.h"

namespace slipway::model {

class EntryNames {
 public:
  // The path in the package: `folder` ("" or "a/b/") and the name that the archive states, without
  // `./` at its front and `/` at its end. Empty for the package's own folder. INVALID_ARGUMENT:
  // PATH_INVALID as CheckPath; ENTRY_REFUSED for a path that is there already (a folder may be
  // stated again), that is a file here and a folder there, or that another file system would take
  // for another path (upper and lower case, composed characters); ARCHIVE_TOO_LARGE above
  // kMaxArchiveEntries and kMaxArchiveNamesBytes.
  Result<std::string> Add(std::string_view folder, std::string_view stated, bool is_folder);
  // Of the archives that the files are in.
  UnpackBudget& budget() { return budget_; }

 private:
  struct Claim {
    std::string path;  // as stated
    bool is_folder = false;
  };

  Result<void> AddFolders(std::string_view path);
  Result<void> AddOne(std::string_view path, bool is_folder);

  std::map<std::string, Claim, std::less<>> claims_;  // by the folded path
  size_t names_bytes_ = 0;
  UnpackBudget budget_;
};

// The path in lower case and composed form: equal for paths that some file system takes for one.
std::string FoldPath(std::string_view path);

}  // namespace slipway::model
