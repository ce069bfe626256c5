// Sweep: frees the content of a LocalStore that no name leads to. For the .cc files of this folder.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "model/local/local_store.h"

namespace slipway::model {

// Its caller has the lock of the content alone: nobody brings content in or reads any.
class LocalStore::Sweep {
 public:
  explicit Sweep(LocalStore& store) : store_(store) {}

  // What was begun and not finished is gone afterwards, with the folders that said so. Where a
  // manifest cannot be read, nothing is freed: nobody knows what it names.
  Result<Removed> Run();

 private:
  Result<void> Mark(const oci::Descriptor& root);
  // What pulls have left in these folders of kPendings.
  Result<void> ReadNotes(const std::vector<std::string>& pendings);
  Result<uint64_t> Free();
  Result<void> RemoveOldPartials();

  LocalStore& store_;
  std::unordered_set<std::string> marked_;     // digests
  std::unordered_set<std::string> resumable_;  // of a pull that was cut: its next try wants them
  std::string problem_;
};

}  // namespace slipway::model
