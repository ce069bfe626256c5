#include "resource/list.h"

#include "base/format_check.h"
#include "resource/limits.h"
#include "resource/selector.h"

namespace slipway::resource {
namespace {

constexpr size_t kScanChunk = 500;

// What a continue token says: where the page before ended, and of which list it was. The version is
// that of the first page: who watches from there misses nothing of what later pages may have seen.
struct Continuation {
  std::string epoch;
  std::string kind;
  std::string project;
  std::string label;
  std::string after;  // the last row that was looked at, below the list's prefix
  uint64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(Continuation, (), (epoch, kind, project, label, after, version))

std::string ToHex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (char c : bytes) {
    out.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return out;
}

std::optional<std::string> FromHex(std::string_view text) {
  auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (text.size() % 2 != 0) return {};
  std::string out;
  for (size_t i = 0; i < text.size(); i += 2) {
    int high = digit(text[i]);
    int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return {};
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return out;
}

Error TokenInvalid() {
  return InvalidArgument("CONTINUE_INVALID",
                         "continue: this token is not of this list; leave it out to begin again")
      .With("field", "continue");
}

Result<Continuation> ParseToken(const std::string& token, const Continuation& list) {
  std::optional<std::string> text = FromHex(token);
  if (!text) return TokenInvalid();
  Result<Json> json = ParseJson(*text, {.max_bytes = 16 << 10});
  if (!json.has_value()) return TokenInvalid();
  Result<Continuation> parsed = Decode<Continuation>(*json);
  if (!parsed.has_value()) return TokenInvalid();
  if (parsed->kind != list.kind || parsed->project != list.project || parsed->label != list.label) {
    return TokenInvalid();
  }
  if (parsed->epoch != list.epoch) {
    return Error(Code::kOutOfRange, "EXPIRED",
                 "continue: this token is of another database; list again from the beginning");
  }
  return parsed;
}

class Lister {
 public:
  Lister(const store::Snapshot& snapshot, const KindInfo& kind, const std::string& project,
         Selector selector)
      : snapshot_(snapshot), kind_(kind), selector_(std::move(selector)) {
    std::optional<std::string_view> in;
    if (kind.global || !project.empty()) in = project;
    auto term = selector_.IndexTerm();
    indexed_ = term.has_value();
    prefix_ =
        indexed_ ? LabelPrefix(kind.kind, term->first, term->second, in) : RowPrefix(kind.kind, in);
  }

  // Appends up to `limit` objects; `after` moves on, and is empty at the end of the list.
  Result<void> Read(size_t limit, std::string& after, std::vector<Resource>& items) {
    const size_t chunk = selector_.empty() ? limit : kScanChunk;
    for (size_t looked_at = 0; looked_at < kMaxScannedPerPage; looked_at += chunk) {
      std::string begin = prefix_ + after;
      if (!after.empty()) begin.push_back('\0');
      TRY(rows, snapshot_.Scan(begin, store::PrefixEnd(prefix_), chunk + 1));
      const bool last = rows.size() <= chunk;
      if (!last) rows.pop_back();
      for (const store::KeyValue& row : rows) {
        if (items.size() == limit) return {};
        after = row.key.substr(prefix_.size());
        TRY_VOID(Add(row, items));
      }
      if (last) {
        after.clear();
        return {};
      }
      if (items.size() == limit) return {};
    }
    return {};
  }

 private:
  Result<void> Add(const store::KeyValue& row, std::vector<Resource>& items) const {
    std::optional<std::string> text;
    if (indexed_) {
      // Below rx/label/KIND\0KEY\0VALUE\0 stands PROJECT/NAME.
      std::string_view rest = std::string_view(row.key).substr(row.key.rfind('\0') + 1);
      TRY(found, snapshot_.Get("r/" + std::string(kind_.kind) + "/" + std::string(rest)));
      text = std::move(found);
      if (!text) return Internal("INDEX_CORRUPT", "a row of the label index points nowhere");
    }
    TRY(json, ParseJson(text ? *text : row.value, {.max_bytes = 4 * kMaxResourceBytes}));
    TRY(resource, ResourceFromStored(json));
    if (selector_.Matches(resource.metadata.labels)) items.push_back(std::move(resource));
    return {};
  }

  const store::Snapshot& snapshot_;
  const KindInfo& kind_;
  const Selector selector_;
  bool indexed_ = false;
  std::string prefix_;
};

}  // namespace

Result<ListPage> ReadList(const store::Snapshot& snapshot, const std::string& epoch,
                          const KindInfo& kind, const std::string& project,
                          const ListOptions& options) {
  if (options.limit < 1 || options.limit > kMaxPage) {
    return InvalidArgument("FIELD_RANGE", "limit: 1 to " + std::to_string(kMaxPage) + ", got " +
                                              std::to_string(options.limit))
        .With("field", "limit");
  }
  TRY(selector, Selector::Parse(options.label));
  TRY(version, snapshot.Version());
  Continuation at{.epoch = epoch,
                  .kind = std::string(kind.kind),
                  .project = project,
                  .label = options.label,
                  .after = {},
                  .version = version};
  if (!options.continue_token.empty()) {
    TRY(parsed, ParseToken(options.continue_token, at));
    at = std::move(parsed);
  }
  ListPage page{.items = {}, .continue_token = {}, .version = at.version};
  Lister lister(snapshot, kind, project, std::move(selector));
  TRY_VOID(lister.Read(options.limit, at.after, page.items));
  if (!at.after.empty()) page.continue_token = ToHex(DumpJson(Encode(at)));
  return page;
}

}  // namespace slipway::resource
