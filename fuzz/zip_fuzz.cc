// Zip: the reader ends, refuses with one of its reasons, and what it gives has a
// safe path and the size that it stated.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/check.h"
#include "model/archive/archive.h"
#include "model/path.h"
#include "oci/content_source.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size);
  const auto file = slipway::oci::MakeMemoryFile(bytes);

  slipway::model::EntryNames names;
  auto archive = slipway::model::OpenArchive(*file, slipway::model::ArchiveType::kZip, names);
  if (!archive.has_value()) return 0;
  uint64_t all = 0;
  while (all < (64 << 20)) {
    const auto entry = (*archive)->Next();
    if (!entry.has_value()) {
      CHECK(entry.error().code() == slipway::Code::kInvalidArgument);
      return 0;
    }
    if (!*entry) return 0;
    CHECK(slipway::model::CheckPath((*entry)->path).has_value());
    uint64_t done = 0;
    char piece[4096];
    while (true) {
      const auto count = (*archive)->Read(piece, sizeof(piece));
      if (!count.has_value()) return 0;
      if (*count == 0) break;
      done += *count;
      all += *count;
      if (all > (64 << 20)) return 0;
    }
    CHECK(done == (*entry)->size_bytes);
  }
  return 0;
}
