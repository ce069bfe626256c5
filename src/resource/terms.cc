#include "resource/terms.h"

#include "base/log.h"
#include "resource/kinds.h"
#include "resource/limits.h"
#include "resource/row_keys.h"

namespace slipway::resource {
namespace {

// kTermsFormat once every resource has its rows.
constexpr std::string_view kFormatKey = "rx/terms-format";
constexpr std::string_view kTermsFormat = "1";

// Indexes some of a kind; answers where the next begin, or nothing at the end.
Result<std::string> IndexSome(store::Transaction& transaction, const KindInfo& kind,
                              const std::string& begin, size_t& count) {
  const std::string prefix = RowPrefix(kind.kind, std::nullopt);
  TRY(rows, transaction.Scan(begin, store::PrefixEnd(prefix), kIndexedTogether));
  for (const store::KeyValue& row : rows) {
    TRY(json, ParseJson(row.value, {.max_bytes = 4 * kMaxResourceBytes}));
    TRY(resource, ResourceFromStored(json));
    for (const std::string& term : TermsOf(&resource)) {
      TRY_VOID(transaction.Put(TermRow(KeyOf(resource), term), ""));
    }
  }
  count += rows.size();
  return rows.size() < kIndexedTogether ? std::string() : rows.back().key + '\0';
}

}  // namespace

std::set<std::string> TermsOf(const Resource* resource) {
  std::set<std::string> terms;
  const KindInfo* kind = resource == nullptr ? nullptr : FindKind(resource->kind);
  if (kind == nullptr || kind->terms == nullptr) return terms;
  for (std::string& term : kind->terms(*resource)) {
    const bool is_part = term.size() <= kMaxTermBytes && term.find('\0') == std::string::npos;
    if (is_part) terms.insert(std::move(term));
  }
  return terms;
}

Result<void> BuildTerms(store::MetaStore& meta) {
  bool done = false;
  TRY_VOID(meta.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(format, snapshot.Get(kFormatKey));
    done = format == kTermsFormat;
    return {};
  }));
  if (done) return {};
  const CallContext context = CallContext::System("resource");
  size_t count = 0;
  for (const KindInfo& kind : Kinds()) {
    if (kind.terms == nullptr) continue;
    for (std::string begin = RowPrefix(kind.kind, std::nullopt); !begin.empty();) {
      TRY_VOID(meta.MutateNow(context, [&](store::Transaction& transaction) -> Result<void> {
        TRY(next, IndexSome(transaction, kind, begin, count));
        begin = std::move(next);
        return {};
      }));
    }
  }
  if (count > 0) LogInfo("indexed resources by what they say", {{"count", count}});
  return meta.MutateNow(context, [](store::Transaction& transaction) {
    return transaction.Put(kFormatKey, kTermsFormat);
  });
}

}  // namespace slipway::resource
