#include "model/local/layout_index.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/limits.h"
#include "oci/media_types.h"

namespace slipway::model {
namespace {

constexpr size_t kMaxDepth = 64;

Error Invalid(std::string what) {
  return DataLoss("LAYOUT_INVALID", std::move(what));
}

// The name of an entry, whatever else is wrong with it.
std::string_view NameOf(const Json& entry) {
  if (!entry.is_object()) return {};
  const auto annotations = entry.find("annotations");
  if (annotations == entry.end() || !annotations->is_object()) return {};
  const auto name = annotations->find(kReferenceName);
  if (name == annotations->end() || !name->is_string()) return {};
  return name->get_ref<const std::string&>();
}

bool IsMeant(const Json& entry, const EntryKey& key) {
  if (NameOf(entry) != key.name) return false;
  if (!key.digest) return !key.name.empty();
  if (!entry.is_object()) return false;
  const auto digest = entry.find("digest");
  return digest != entry.end() && *digest == key.digest->text();
}

}  // namespace

std::string EntryKey::Text() const {
  if (!digest) return name;
  return name.empty() ? digest->text() : name + "@" + digest->text();
}

LayoutIndex::LayoutIndex() : json_(Json::object()) {
  json_["schemaVersion"] = 2;
  json_["mediaType"] = oci::kImageIndexType;
  json_["manifests"] = Json::array();
}

Result<LayoutIndex> LayoutIndex::Parse(std::string_view text) {
  auto json = ParseJson(text, {.max_bytes = kMaxLayoutIndexBytes,
                               .max_depth = kMaxDepth,
                               .max_values = kMaxLayoutIndexValues});
  if (!json.has_value()) return Invalid(json.error().message());
  if (!json->is_object()) return Invalid("it is no JSON object");
  const auto manifests = json->find("manifests");
  if (manifests == json->end() || !manifests->is_array()) {
    return Invalid("manifests is missing or no list");
  }
  LayoutIndex index;
  index.json_ = *std::move(json);
  index.Read();
  return index;
}

const LocalEntry* LayoutIndex::Find(const EntryKey& key) const {
  if (key.name.empty() && !key.digest) return nullptr;
  const auto found = std::ranges::find_if(entries_, [&key](const LocalEntry& entry) {
    return entry.name == key.name && (!key.digest || entry.manifest.digest == *key.digest);
  });
  return found == entries_.end() ? nullptr : &*found;
}

void LayoutIndex::Put(const std::string& name, const oci::Descriptor& manifest) {
  Remove({name});
  Json entry = oci::ToJson(manifest);
  entry["annotations"][kReferenceName] = name;
  json_["manifests"].push_back(std::move(entry));
  Read();
}

bool LayoutIndex::Remove(const EntryKey& key) {
  Json kept = Json::array();
  Json& all = json_["manifests"];
  for (Json& entry : all) {
    if (!IsMeant(entry, key)) kept.push_back(std::move(entry));
  }
  const bool was_there = kept.size() != all.size();
  all = std::move(kept);
  Read();
  return was_there;
}

std::string LayoutIndex::Text() const {
  return DumpJson(json_);
}

void LayoutIndex::Read() {
  entries_.clear();
  problem_.clear();
  const Json& all = json_["manifests"];
  for (size_t i = 0; i < all.size(); ++i) {
    auto descriptor = oci::ParseDescriptor(all[i], fmt::format("manifests[{}]", i));
    if (!descriptor.has_value()) {
      if (problem_.empty()) problem_ = descriptor.error().message();
      continue;
    }
    entries_.push_back({std::string(NameOf(all[i])), *std::move(descriptor)});
  }
}

}  // namespace slipway::model
