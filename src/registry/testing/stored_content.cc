#include "registry/testing/stored_content.h"

#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"

namespace slipway::registry {

std::set<std::string> KeysWith(store::MetaStore& meta, const std::string& prefix) {
  std::set<std::string> keys;
  EXPECT_THAT(meta.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), 1'000'000));
    for (const store::KeySize& row : rows) keys.insert(row.key.substr(prefix.size()));
    return {};
  }),
              IsOk());
  return keys;
}

std::set<std::string> ObjectsOf(RegistryStores& stores) {
  std::set<std::string> objects = KeysWith(*stores.meta, "object/");
  EXPECT_THAT(store::ForEachObject(*stores.objects,
                                   [&](const Digest& digest, const store::ObjectInfo&) {
                                     objects.insert(digest.text());
                                     return Result<void>();
                                   }),
              IsOk());
  return objects;
}

CollectionReport CollectAll(Registry& registry, bool dry_run) {
  const auto collector = registry.MakeCollector(dry_run);
  while (true) {
    const auto more = collector->Step();
    EXPECT_THAT(more, IsOk());
    if (!more || !*more) return collector->report();
  }
}

}  // namespace slipway::registry
