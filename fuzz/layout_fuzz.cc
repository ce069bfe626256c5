// The index.json of a local store, which other tools and other people write, too.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "model/local/layout_index.h"

// What was read is written back and read again as the same, and changes touch their name alone.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using slipway::model::LayoutIndex;
  auto index = LayoutIndex::Parse({reinterpret_cast<const char*>(data), size});
  if (!index.has_value()) return 0;
  const size_t count = index->entries().size();
  auto again = LayoutIndex::Parse(index->Text());
  CHECK(again.has_value() && again->entries().size() == count);
  CHECK(again->problem() == index->problem());
  const slipway::oci::Descriptor manifest{
      .media_type = "a/b", .digest = slipway::Digest::Of("x"), .size_bytes = 1};
  const slipway::model::EntryKey key{.name = "a/name:of-nobody"};
  index->Put(key.name, manifest);
  CHECK(index->Find(key) != nullptr);
  CHECK(index->Remove(key));
  CHECK(index->Find(key) == nullptr);
  CHECK(index->entries().size() <= count);
  return 0;
}
