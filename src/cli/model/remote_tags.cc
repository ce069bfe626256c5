#include "cli/model/remote_tags.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/model/package_facts.h"
#include "cli/model/rows.h"
#include "cli/output.h"
#include "cli/registry_access.h"
#include "cli/text.h"
#include "model/limits.h"
#include "model/metadata/read_metadata.h"

namespace slipway::cli {
namespace {

Result<Json> RowOf(const RegistryAccess& registry, const std::string& tag) {
  const std::string& repository = registry.reference.repository;
  const std::string name = registry.FullName() + ":" + tag;
  TRY(fetched, registry.client->GetManifest(repository, tag));
  TRY(manifest, oci::ParseManifest(fetched.bytes, fetched.media_type));
  std::string config;
  if (manifest.config && manifest.config->size_bytes <= model::kMaxConfigBytes) {
    TRY(read, FetchFrom(*registry.client, repository)(*manifest.config));
    config = std::move(read).value_or("");
  }
  Json shown = DescribeManifest(name, fetched.digest, manifest, config);
  const Json created = model::ParseConfig(config);
  return Json{{"name", name},
              {"repository", registry.FullName()},
              {"tag", tag},
              {"digest", fetched.digest.text()},
              {"createdAt", TextAt(created, "/descriptor/createdAt")},
              {"sizeBytes", shown["sizeBytes"]},
              {"format", shown["format"]},
              {"artifactType", shown["artifactType"]}};
}

}  // namespace

Result<Json> ListRemoteTags(Client& client, const std::string& name) {
  TRY(registry, OpenRegistry(client, name, Selector::kOptional));
  const oci::Reference& reference = registry.reference;
  if (reference.digest) {
    return InvalidArgument("REFERENCE_INVALID",
                           name + ": a repository is listed by its tags, leave the digest out");
  }
  std::vector<std::string> tags = {reference.tag};
  if (reference.tag.empty()) {
    auto listed = registry.client->ListTags(reference.repository);
    if (!listed) return listed.error().Prefixed(name + ": ");
    tags = *std::move(listed);
  }
  if (tags.size() > kMaxListedTags) {
    Note(fmt::format("the first {} of {} tags", kMaxListedTags, tags.size()));
    tags.resize(kMaxListedTags);
  }
  Json rows = Json::array();
  for (const std::string& tag : tags) {
    auto row = RowOf(registry, tag);
    if (row) {
      rows.push_back(*std::move(row));
    } else if (tags.size() == 1 || row.error().code() == Code::kUnavailable) {
      return row.error().Prefixed(fmt::format("{}:{}: ", registry.FullName(), tag));
    } else {  // one that cannot be read hides none of the others
      Note(Printable(fmt::format("{}:{}: {}", registry.FullName(), tag, row.error().message())));
    }
  }
  return Json{{"items", std::move(rows)}};
}

}  // namespace slipway::cli
