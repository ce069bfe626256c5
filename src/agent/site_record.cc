#include "agent/site_record.h"

#include <nlohmann/json.hpp>

namespace slipway::agent {
namespace {

constexpr std::string_view kKey = "agent/serve";

Result<SiteRecord> Parse(const std::string& text) {
  TRY(json, ParseJson(text));
  auto format = json.find("format");
  if (format != json.end() && format->is_number_integer() && format->get<int64_t>() > kSiteFormat) {
    return FailedPrecondition("FORMAT_NEWER", "site.db was written by a newer program, in format " +
                                                  std::to_string(format->get<int64_t>()) +
                                                  ": use that program");
  }
  return Decode<SiteRecord>(json);
}

}  // namespace

Result<std::unique_ptr<SiteRecords>> SiteRecords::Open(store::MetaStore& site) {
  std::optional<std::string> text;
  TRY_VOID(site.ReadNow([&text](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, snapshot.Get(kKey));
    text = std::move(found);
    return {};
  }));
  SiteRecord record;
  if (text.has_value()) {
    TRY(parsed, Parse(*text));
    record = std::move(parsed);
  }
  return std::unique_ptr<SiteRecords>(new SiteRecords(site, std::move(record)));
}

SiteRecord SiteRecords::Get() const {
  return record_.With([](const SiteRecord& record) { return record; });
}

Result<void> SiteRecords::Update(const std::function<void(SiteRecord&)>& change) {
  // The lock is held while it is written, so that rows come in the order of the changes.
  return record_.With([&](SiteRecord& record) -> Result<void> {
    SiteRecord changed = record;
    change(changed);
    std::string text = DumpJson(Encode(changed));
    TRY_VOID(site_.MutateNow(CallContext::System("agent"),
                             [&text](store::Transaction& transaction) -> Result<void> {
                               return transaction.Put(kKey, text);
                             }));
    record = std::move(changed);
    return {};
  });
}

}  // namespace slipway::agent
