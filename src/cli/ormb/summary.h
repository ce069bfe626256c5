// What ormb prints of a model, to the letter.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "cli/ormb/session.h"
#include "model/local/local_store.h"
#include "oci/descriptor.h"
#include "oci/manifest.h"

namespace slipway::cli::ormb {

// Of one model of the cache.
struct Summary {
  oci::Descriptor layer;
  std::string format;
};

// INVALID_ARGUMENT / ORMB_ARTIFACT: it is none of ormb's: another config or layer, or more of them.
Result<Summary> Summarise(const OrmbReference& reference, const oci::Manifest& manifest);
// The same, with the format from the config.
Result<Summary> ReadSummary(model::LocalStore& store, const OrmbReference& reference,
                            const model::LocalEntry& entry);

// ref, digest (of the layer), size and format, a line each.
Result<void> PrintSummary(const OrmbReference& reference, const Summary& summary);

// "905B", "19.1KB": by 1,024.
std::string BinarySize(uint64_t bytes);
// "About an hour", "3 weeks", without "ago".
std::string HumanDuration(std::chrono::seconds duration);

}  // namespace slipway::cli::ormb
