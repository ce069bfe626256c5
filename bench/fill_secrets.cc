// Fills the database of a data folder with so many Secrets, for the benchmark of lists.
//
//   fill_secrets DATA/slipway.db COUNT      the server has made the folder, and does not run
//
// The first is made as every resource is; the others are its rows again, under other names: what a
// list reads is the same, and a million are there within a minute.
#include <array>
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/random.h"
#include "resource/resource_transaction.h"
#include "resource/row_keys.h"
#include "store/meta/meta_store.h"
#include "trust/secret_box.h"

namespace slipway {
namespace {

constexpr size_t kPerTransaction = 10'000;
constexpr std::array<std::byte, trust::SecretBox::kKeyBytes> kAnyKey{};
constexpr std::string_view kFirst = "s0000000";

std::string NameOf(size_t number) {
  std::string digits = std::to_string(number);
  return "s" + std::string(kFirst.size() - 1 - digits.size(), '0') + digits;
}

resource::Resource Wanted() {
  resource::Resource secret{.kind = "Secret"};
  secret.metadata.project = "default";
  secret.metadata.name = std::string(kFirst);
  secret.metadata.labels = {{"tenth", "0"}, {"team", "vision"}};
  secret.spec = {{"description", "A secret among a million others"}};
  return secret;
}

// The row of the first one; made if it is not there.
Result<std::string> MakeFirst(store::MetaStore& store) {
  const trust::SecretBox box(kAnyKey, SystemRandom());
  const CallContext context = CallContext::System("bench");
  std::string row;
  TRY_VOID(store.MutateNow(context, [&](store::Transaction& raw) -> Result<void> {
    resource::ResourceTransaction transaction(raw, context, SystemClock(), SystemRandom(), &box);
    TRY(made, transaction.Create(Wanted()));
    TRY(found, raw.Get(resource::RowKey(resource::KeyOf(made))));
    row = std::move(found).value_or("");
    return {};
  }));
  return row;
}

void Replace(std::string& text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  if (at != std::string::npos) text.replace(at, from.size(), to);
}

Result<void> PutCopy(store::Transaction& transaction, std::string row, size_t number) {
  const std::string name = NameOf(number);
  const std::string tenth = std::to_string(number % 10);
  Replace(row, kFirst, name);
  Replace(row, R"("tenth":"0")", R"("tenth":")" + tenth + "\"");
  const resource::Key key{.kind = "Secret", .project = "default", .name = name};
  TRY_VOID(transaction.Put(resource::RowKey(key), row));
  TRY_VOID(transaction.Put(resource::LabelRow(key, "tenth", tenth), ""));
  return transaction.Put(resource::LabelRow(key, "team", "vision"), "");
}

Result<void> Fill(const std::string& path, size_t count) {
  TRY(store, store::MakeSqliteMetaStore({.path = path, .program = "bench"}));
  TRY(row, MakeFirst(*store));
  for (size_t begin = 1; begin < count; begin += kPerTransaction) {
    const size_t end = std::min(count, begin + kPerTransaction);
    TRY_VOID(store->MutateNow(CallContext::System("bench"),
                              [&](store::Transaction& transaction) -> Result<void> {
                                for (size_t i = begin; i < end; ++i) {
                                  TRY_VOID(PutCopy(transaction, row, i));
                                }
                                return {};
                              }));
  }
  return {};
}

int Main(std::string_view path, std::string_view count_text) {
  size_t count = 0;
  const auto [rest, error] =
      std::from_chars(count_text.data(), count_text.data() + count_text.size(), count);
  if (error != std::errc() || *rest != '\0' || count > 10'000'000) {
    std::fprintf(stderr, "fill_secrets DATA/slipway.db COUNT: COUNT is at most 10000000\n");
    return 2;
  }
  const Result<void> filled = Fill(std::string(path), count);
  if (!filled) std::fprintf(stderr, "fill_secrets: %s\n", filled.error().ToString().c_str());
  return filled ? 0 : 1;
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) {
  return slipway::Main(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "");
}
