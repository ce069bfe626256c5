#include "resource/list.h"

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/format_check.h"
#include "resource/limits.h"
#include "resource/search/expression.h"
#include "resource/selector.h"

namespace slipway::resource {
namespace {

// Rows that a filtered list reads at once.
constexpr size_t kScanChunk = 100;

// What a continue token says: where the page before ended, and of which list it was. The version is
// that of the first page: who watches from there misses nothing of what later pages may have seen.
struct Continuation {
  std::string epoch;
  std::string kind;
  std::string project;
  std::string label;
  std::string where;  // the expression's sha256: it may be long
  std::string after;  // the last row that was looked at, below the list's prefix
  uint64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(Continuation, (), (epoch, kind, project, label, where, after, version))

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
  if (parsed->kind != list.kind || parsed->project != list.project || parsed->label != list.label ||
      parsed->where != list.where) {
    return TokenInvalid();
  }
  if (parsed->epoch != list.epoch) {
    return Error(Code::kOutOfRange, "EXPIRED",
                 "continue: this token is of another database; list again from the beginning");
  }
  return parsed;
}

// What a resource must be to be in the list.
struct Filter {
  Selector selector;
  Expression where;

  bool empty() const { return selector.empty() && where.empty(); }
};

class Lister {
 public:
  Lister(const store::Snapshot& snapshot, const ListSource& source, Filter filter)
      : snapshot_(snapshot), kind_(source.kind), filter_(std::move(filter)) {
    for (const SearchPart& part : source.parts) {
      if (filter_.where.Reads(part.member)) parts_.push_back(&part);
    }
    std::optional<std::string_view> in;
    if (kind_.global || !source.project.empty()) in = source.project;
    auto term = filter_.selector.IndexTerm();
    indexed_ = term.has_value();
    prefix_ = indexed_ ? LabelPrefix(kind_.kind, term->first, term->second, in)
                       : RowPrefix(kind_.kind, in);
  }

  // Appends up to `limit` objects to the page; `after` moves on, and is empty at the end of the
  // list.
  Result<void> Read(size_t limit, std::string& after, ListPage& page) {
    const size_t chunk = filter_.empty() ? limit : kScanChunk;
    for (size_t looked_at = 0; looked_at < kMaxScannedPerPage; looked_at += chunk) {
      std::string begin = prefix_ + after;
      if (!after.empty()) begin.push_back('\0');
      TRY(rows, snapshot_.Scan(begin, store::PrefixEnd(prefix_), chunk + 1));
      const bool last = rows.size() <= chunk;
      if (!last) rows.pop_back();
      for (const store::KeyValue& row : rows) {
        if (page.items.size() == limit || IsExhausted()) return {};
        after = row.key.substr(prefix_.size());
        TRY_VOID(Add(row, page));
      }
      if (last) {
        after.clear();
        return {};
      }
      if (page.items.size() == limit) return {};
    }
    return {};
  }

 private:
  bool IsExhausted() const { return !filter_.empty() && work_ > kMaxWorkPerPage; }

  Result<void> Add(const store::KeyValue& row, ListPage& page) {
    std::optional<std::string> text;
    if (indexed_) {
      // Below rx/label/KIND\0KEY\0VALUE\0 stands PROJECT/NAME.
      std::string_view rest = std::string_view(row.key).substr(row.key.rfind('\0') + 1);
      TRY(found, snapshot_.Get("r/" + std::string(kind_.kind) + "/" + std::string(rest)));
      text = std::move(found);
      if (!text) return Internal("INDEX_CORRUPT", "a row of the label index points nowhere");
    }
    const std::string& value = text ? *text : row.value;
    work_ += value.size() * (kReadingWork + filter_.where.cost());
    TRY(json, ParseJson(value, {.max_bytes = 4 * kMaxResourceBytes}));
    TRY(resource, ResourceFromStored(json));
    if (!filter_.selector.Matches(resource.metadata.labels)) return {};
    TRY(truth, Ask(json));
    if (truth == Truth::kUnknown) {
      page.undecided.push_back(resource.metadata.project + "/" + resource.metadata.name);
    } else if (truth == Truth::kTrue) {
      page.items.push_back(std::move(resource));
    }
    return {};
  }

  Result<Truth> Ask(Json& document) const {
    if (filter_.where.empty()) return Truth::kTrue;
    for (const SearchPart* part : parts_) {
      TRY(read, part->read(snapshot_, document));
      if (read.size() >= part->complete_below) document["incomplete"].push_back(part->member);
      document[part->member] = std::move(read);
    }
    return filter_.where.Matches(document);
  }

  const store::Snapshot& snapshot_;
  const KindInfo& kind_;
  const Filter filter_;
  std::vector<const SearchPart*> parts_;
  uint64_t work_ = 0;
  bool indexed_ = false;
  std::string prefix_;
};

Result<Filter> MakeFilter(const KindInfo& kind, const ListOptions& options) {
  TRY(selector, Selector::Parse(options.label));
  if (kind.search.empty() && !options.where.empty()) {
    return InvalidArgument("WHERE_UNSUPPORTED",
                           "where: lists of " + std::string(kind.plural) + " take none; use label")
        .With("field", "where");
  }
  TRY(where, Expression::Parse(options.where, kind.search));
  return Filter{.selector = std::move(selector), .where = std::move(where)};
}

}  // namespace

Result<ListPage> ReadList(const store::Snapshot& snapshot, const ListSource& source,
                          const ListOptions& options) {
  if (options.limit < 1 || options.limit > kMaxPage) {
    return InvalidArgument("FIELD_RANGE", "limit: 1 to " + std::to_string(kMaxPage) + ", got " +
                                              std::to_string(options.limit))
        .With("field", "limit");
  }
  TRY(filter, MakeFilter(source.kind, options));
  TRY(version, snapshot.Version());
  Continuation at{.epoch = source.epoch,
                  .kind = std::string(source.kind.kind),
                  .project = source.project,
                  .label = options.label,
                  .where = {},
                  .after = {},
                  .version = version};
  if (!options.where.empty()) at.where = Digest::Of(options.where).hex();
  if (!options.continue_token.empty()) {
    TRY(parsed, ParseToken(options.continue_token, at));
    at = std::move(parsed);
  }
  ListPage page;
  page.version = at.version;
  Lister lister(snapshot, source, std::move(filter));
  TRY_VOID(lister.Read(options.limit, at.after, page));
  if (!at.after.empty()) page.continue_token = ToHex(DumpJson(Encode(at)));
  return page;
}

}  // namespace slipway::resource
