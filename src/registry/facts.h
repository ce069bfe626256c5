// Facts: what a manifest tells of a model, read before the transaction that pushes it, so that
// nobody's parsing holds up the one writer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "oci/manifest.h"
#include "resource/kinds/model.h"
#include "store/meta/meta_store.h"

namespace slipway::registry {

// The content that a descriptor names, or nothing where it is too large to be a row.
using FetchSmall = std::function<Result<std::optional<std::string>>(const oci::Descriptor&)>;
// What a manifest tells of a model. Its errors are those of the fetch. Blocking.
using FactsOf =
    std::function<Result<resource::ModelFacts>(const oci::Manifest&, const FetchSmall&)>;

struct PreparedFacts {
  resource::ModelFacts facts;
  // What was asked for and was not in the repository: the facts count as long as it is not.
  std::vector<Digest> missing;
};

// Content on its way into the repository with the manifest, or nothing. Without bytes it is too
// large to be read here.
struct ComingContent {
  const std::string* bytes = nullptr;
};
using FindComing = std::function<std::optional<ComingContent>(const Digest&)>;

struct FactsSource {
  store::MetaStore* meta = nullptr;
  const FactsOf* facts_of = nullptr;  // may be empty: nothing is recognised
  std::string repository;             // canonical
  FindComing coming;                  // may be empty
};

// Of a manifest that is to be pushed with this digest; nothing if its version is there, or it is no
// model: nobody asks for its facts then. Blocking.
Result<std::optional<PreparedFacts>> PrepareFacts(const FactsSource& source, const Digest& digest,
                                                  const oci::Manifest& manifest);

// The reason of an ABORTED push whose facts were not, or no longer, those of the repository:
// prepare them again.
inline constexpr std::string_view kFactsStale = "FACTS_STALE";

}  // namespace slipway::registry
