// LayoutIndex: the index.json of an OCI image layout: which names there are, and for what. What
// other tools wrote into it is kept as it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/result.h"
#include "oci/descriptor.h"

namespace slipway::model {

inline constexpr std::string_view kReferenceName = "org.opencontainers.image.ref.name";
inline constexpr std::string_view kCreatedAt = "org.opencontainers.image.created";

struct LocalEntry {
  std::string name;  // the annotation kReferenceName: "default/fraud:v1"; empty: it has none
  oci::Descriptor manifest;
};

// Which entries are meant: those of that name, if there is a digest only while they stand for it;
// without a name those of the digest that have none.
struct EntryKey {
  std::string name;
  std::optional<Digest> digest = std::nullopt;

  // For people: "default/fraud:v1", "default/fraud:v1@sha256:...", "sha256:...".
  std::string Text() const;
};

class LayoutIndex {
 public:
  LayoutIndex();
  // DATA_LOSS / LAYOUT_INVALID says what is wrong, and where, without the file's name. One entry
  // that cannot be read is no error: it stays, and is told by problem().
  static Result<LayoutIndex> Parse(std::string_view text);

  // In the file's order; those that can be read.
  const std::vector<LocalEntry>& entries() const { return entries_; }
  // Why one of them cannot be read; empty: all can.
  const std::string& problem() const { return problem_; }
  // nullptr if there is none of that name.
  const LocalEntry* Find(const EntryKey& key) const;

  // The name stands for this manifest, and no other; its annotations are the entry's.
  void Put(const std::string& name, const oci::Descriptor& manifest);
  // false: there was none. Entries that cannot be read are removed, too.
  bool Remove(const EntryKey& key);

  std::string Text() const;

 private:
  void Read();

  Json json_;
  std::vector<LocalEntry> entries_;
  std::string problem_;
};

}  // namespace slipway::model
