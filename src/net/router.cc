#include "net/router.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"
#include "net/limits.h"

namespace slipway::net {
namespace {

constexpr size_t kMethods = static_cast<size_t>(Method::kOther) + 1;
constexpr size_t kNone = static_cast<size_t>(-1);

// One segment of a pattern.
struct Segment {
  enum class Kind : uint8_t { kLiteral, kParameter, kRest, kAll };
  Kind kind = Kind::kLiteral;
  std::string text;  // the literal, or the parameter's name
};

Segment ParseSegment(std::string_view text) {
  if (text.empty() || text.front() != '{') {
    CHECK_NOTE(text.find_first_of("{}%") == std::string_view::npos, text);
    return {.kind = Segment::Kind::kLiteral, .text = std::string(text)};
  }
  CHECK_NOTE(text.back() == '}', text);
  std::string_view name = text.substr(1, text.size() - 2);
  Segment::Kind kind = Segment::Kind::kParameter;
  if (name.ends_with('+')) kind = Segment::Kind::kRest;
  if (name.ends_with('*')) kind = Segment::Kind::kAll;
  if (kind != Segment::Kind::kParameter) name.remove_suffix(1);
  CHECK_NOTE(!name.empty() && name.find_first_of("{}+*") == std::string_view::npos, text);
  return {.kind = kind, .text = std::string(name)};
}

std::vector<Segment> ParsePattern(std::string_view pattern) {
  CHECK_NOTE(pattern.starts_with('/'), pattern);
  std::vector<Segment> segments;
  pattern.remove_prefix(1);
  while (true) {
    const size_t slash = pattern.find('/');
    segments.push_back(ParseSegment(pattern.substr(0, slash)));
    if (slash == std::string_view::npos) break;
    pattern.remove_prefix(slash + 1);
  }
  CHECK_NOTE(segments.size() <= kMaxPathSegments, pattern);
  return segments;
}

// The routes as a tree over segments. Each node's routes are indexes into the table.
struct Node {
  Node() { routes.fill(kNone); }
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;  // sorted
  std::unique_ptr<Node> parameter;
  std::unique_ptr<Node> rest;
  std::unique_ptr<Node> all;  // has no children
  std::array<size_t, kMethods> routes;

  Node* Literal(std::string_view text) const {
    const auto found = std::ranges::lower_bound(
        literals, text, {}, [](const auto& entry) { return std::string_view(entry.first); });
    return found != literals.end() && found->first == text ? found->second.get() : nullptr;
  }
  Node& Child(const Segment& segment) {
    if (segment.kind == Segment::Kind::kLiteral) {
      if (Node* found = Literal(segment.text)) return *found;
      const auto where = std::ranges::lower_bound(literals, segment.text, {},
                                                  [](const auto& entry) { return entry.first; });
      return *literals.emplace(where, segment.text, std::make_unique<Node>())->second;
    }
    std::unique_ptr<Node>& child = segment.kind == Segment::Kind::kAll    ? all
                                   : segment.kind == Segment::Kind::kRest ? rest
                                                                          : parameter;
    if (child == nullptr) child = std::make_unique<Node>();
    return *child;
  }
};

// A path taken apart. Segments with percent signs are decoded aside.
struct Path {
  std::array<std::string_view, kMaxPathSegments> segments;
  size_t count = 0;
  std::vector<std::string> decoded;
};

Error Malformed(std::string message) {
  return InvalidArgument("URL_MALFORMED", std::move(message));
}

// Where the text has percent signs; `before` bytes of the URL stand before it.
Result<void> CheckPercents(std::string_view text, size_t before) {
  const auto is_hex = [&](size_t at) {
    constexpr std::string_view kHex = "0123456789abcdefABCDEF";
    return at < text.size() && kHex.find(text[at]) != std::string_view::npos;
  };
  for (size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    if (is_hex(at + 1) && is_hex(at + 2)) continue;
    return Malformed("In the URL, '%' at byte " + std::to_string(before + at + 1) +
                     " is not followed by two hex digits; write a percent sign as %25");
  }
  return {};
}

// True if there are more segments than any route has.
Result<bool> Split(std::string_view text, Path& path) {
  const bool encoded = text.find('%') != std::string_view::npos;
  if (encoded) path.decoded.reserve(kMaxPathSegments);  // views into it must stay
  if (encoded) TRY_VOID(CheckPercents(text, 0));
  text.remove_prefix(1);
  while (true) {
    if (path.count == kMaxPathSegments) return true;
    const size_t slash = text.find('/');
    std::string_view segment = text.substr(0, slash);
    if (encoded && segment.find('%') != std::string_view::npos) {
      TRY(plain, PercentDecode(segment));
      if (plain.find('\0') != std::string::npos) {
        return Malformed("The path contains a zero byte (%00); leave it out");
      }
      if (FindInvalidUtf8(plain)) {
        return Malformed("The path's segment '" + std::string(segment) +
                         "' is not UTF-8; percent-encode the name's bytes in UTF-8");
      }
      path.decoded.push_back(std::move(plain));
      segment = path.decoded.back();
    }
    if (segment == "." || segment == "..") {
      return Malformed("The path contains the segment '" + std::string(segment) +
                       "'; send the path that is meant");
    }
    path.segments[path.count++] = segment;
    if (slash == std::string_view::npos) return false;
    text.remove_prefix(slash + 1);
  }
}

// The search for a route: the most literal one, segment by segment from the left.
class Search {
 public:
  Search(const Path& path, Method method) : path_(path), method_(method) {}

  bool Descend(const Node& node, size_t at) {
    if (at == path_.count) return Arrive(node);
    const std::string_view segment = path_.segments[at];
    const Node* literal = node.Literal(segment);
    if (literal != nullptr && Descend(*literal, at + 1)) return true;
    if (segment.empty()) return TakeAll(node, at);
    if (node.parameter != nullptr && Capture(*node.parameter, at, 1)) return true;
    for (size_t length = 1; node.rest != nullptr && at + length <= path_.count; ++length) {
      if (path_.segments[at + length - 1].empty()) break;
      if (Capture(*node.rest, at, length)) return true;
    }
    return TakeAll(node, at);
  }

  size_t route() const { return route_; }
  // Of paths that match with other methods.
  const std::array<bool, kMethods>& allowed() const { return allowed_; }

  std::string Captured(size_t number) const {
    const auto [first, length] = captures_.at(number);
    std::string text(path_.segments[first]);
    for (size_t i = 1; i < length; ++i) text.append("/").append(path_.segments[first + i]);
    return text;
  }

 private:
  bool TakeAll(const Node& node, size_t at) {
    return node.all != nullptr && Capture(*node.all, at, path_.count - at);
  }

  bool Capture(const Node& node, size_t at, size_t length) {
    CHECK(captured_ < kMaxRouteParameters);
    captures_[captured_++] = {at, length};
    if (Descend(node, at + length)) return true;
    --captured_;
    return false;
  }

  bool Arrive(const Node& node) {
    route_ = node.routes[static_cast<size_t>(method_)];
    if (route_ == kNone && method_ == Method::kHead) {
      route_ = node.routes[static_cast<size_t>(Method::kGet)];
    }
    if (route_ != kNone) return true;
    for (size_t i = 0; i < kMethods; ++i) allowed_[i] = allowed_[i] || node.routes[i] != kNone;
    return false;
  }

  const Path& path_;
  const Method method_;
  size_t route_ = kNone;
  std::array<bool, kMethods> allowed_{};
  std::array<std::pair<size_t, size_t>, kMaxRouteParameters> captures_;  // first segment, how many
  size_t captured_ = 0;
};

Error NoRoute(const HttpRequest& request) {
  return NotFound("ROUTE_UNKNOWN",
                  "There is nothing at " + std::string(request.path) + "; check the path");
}

Error OtherMethod(const HttpRequest& request, const std::array<bool, kMethods>& allowed) {
  std::string allow;
  for (size_t i = 0; i < kMethods; ++i) {
    const auto method = static_cast<Method>(i);
    const bool head = method == Method::kHead && allowed[static_cast<size_t>(Method::kGet)];
    if (!allowed[i] && !head) continue;
    if (!allow.empty()) allow += ", ";
    allow += MethodName(method);
  }
  return Unimplemented("METHOD_NOT_ALLOWED", std::string(request.path) + " does not take " +
                                                 std::string(request.method_text) + "; it takes " +
                                                 allow)
      .With("allow", allow);
}

}  // namespace

std::string_view AccessName(Access access) {
  switch (access) {
    case Access::kOpen:
      return "open";
    case Access::kLocal:
      return "local";
    case Access::kIdentified:
      return "identified";
    case Access::kViewer:
      return "viewer";
    case Access::kEditor:
      return "editor";
    case Access::kAdmin:
      return "admin";
    case Access::kGlobalViewer:
      return "global-viewer";
    case Access::kGlobalAdmin:
      return "global-admin";
    case Access::kRegistry:
      return "registry";
    case Access::kRegistryPull:
      return "registry-pull";
    case Access::kRegistryPush:
      return "registry-push";
    case Access::kRegistryDelete:
      return "registry-delete";
    case Access::kInference:
      return "inference";
    case Access::kControl:
      return "control";
  }
  return "unknown";
}

struct Router::State {
  // The route for the request, whose parameters are filled in.
  Result<const Route*> Match(HttpRequest& request) const;
  HttpResponse WriteError(const HttpRequest& request, const Error& error) const;
  // The handler, once the query is right.
  Task<HttpResponse> Run(const Route& route, HttpRequest& request) const;
  // The coroutine of a guarded request.
  Task<HttpResponse> Guarded(const Route* route, HttpRequest* request) const;

  Node root;
  std::vector<Route> routes;
  std::vector<std::vector<std::string>> parameter_names;  // by route
  Guard guard;
  QuickGuard quick_guard;
  std::vector<std::pair<std::string, ErrorWriter>> error_writers;  // longest prefix first
};

Result<const Route*> Router::State::Match(HttpRequest& request) const {
  if (!request.path.starts_with('/')) return NoRoute(request);  // OPTIONS *
  if (request.query.find('%') != std::string_view::npos) {
    TRY_VOID(CheckPercents(request.query, request.path.size() + 1));
  }
  Path path;
  TRY(too_many, Split(request.path, path));
  if (too_many) return NoRoute(request);
  Search search(path, request.method);
  if (!search.Descend(root, 0)) {
    if (std::ranges::count(search.allowed(), true) == 0) return NoRoute(request);
    return OtherMethod(request, search.allowed());
  }
  const std::vector<std::string>& names = parameter_names[search.route()];
  for (size_t i = 0; i < names.size(); ++i) {
    request.parameters.emplace_back(names[i], search.Captured(i));
  }
  request.route = &routes[search.route()];
  return request.route;
}

HttpResponse Router::State::WriteError(const HttpRequest& request, const Error& error) const {
  for (const auto& [prefix, writer] : error_writers) {
    if (request.path.starts_with(prefix)) return writer(request, error);
  }
  return ProblemResponse(error);
}

namespace {

Task<HttpResponse> Ready(HttpResponse response) {
  co_return response;
}

}  // namespace

Task<HttpResponse> Router::State::Run(const Route& route, HttpRequest& request) const {
  if (route.query) {
    const Result<void> checked = CheckQuery(request.query, *route.query);
    if (!checked.has_value()) return Ready(WriteError(request, checked.error()));
  }
  return route.handler(request);
}

Task<HttpResponse> Router::State::Guarded(const Route* route, HttpRequest* request) const {
  const Result<void> verdict = co_await guard(*route, *request);
  if (!verdict.has_value()) co_return WriteError(*request, verdict.error());
  co_return co_await Run(*route, *request);
}

Router::Router() : state_(std::make_unique<State>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::Add(Route route) {
  Node* node = &state_->root;
  std::vector<std::string> names;
  size_t rests = 0;
  for (const Segment& segment : ParsePattern(route.pattern)) {
    node = &node->Child(segment);
    if (segment.kind == Segment::Kind::kLiteral) continue;
    CHECK_NOTE(std::ranges::find(names, segment.text) == names.end(), route.pattern);
    names.push_back(segment.text);
    if (segment.kind == Segment::Kind::kRest) ++rests;
  }
  CHECK_NOTE(rests <= 1, route.pattern);
  CHECK_NOTE(names.size() <= kMaxRouteParameters, route.pattern);
  CHECK_NOTE(route.method != Method::kOther && route.handler != nullptr, route.pattern);
  size_t& slot = node->routes[static_cast<size_t>(route.method)];
  CHECK_NOTE(slot == kNone, "two routes for " + route.pattern);
  slot = state_->routes.size();
  state_->parameter_names.push_back(std::move(names));
  state_->routes.push_back(std::move(route));
}

void Router::AddAll(std::vector<Route> routes) {
  for (Route& route : routes) Add(std::move(route));
}

const std::vector<Route>& Router::routes() const {
  return state_->routes;
}

void Router::SetGuard(Guard guard) {
  state_->guard = std::move(guard);
}

void Router::SetQuickGuard(QuickGuard guard) {
  state_->quick_guard = std::move(guard);
}

void Router::SetErrorWriter(std::string prefix, ErrorWriter writer) {
  auto& writers = state_->error_writers;
  std::erase_if(writers, [&prefix](const auto& entry) { return entry.first == prefix; });
  const auto where = std::ranges::find_if(
      writers, [&prefix](const auto& entry) { return entry.first.size() < prefix.size(); });
  writers.emplace(where, std::move(prefix), std::move(writer));
}

Task<HttpResponse> Router::Handle(HttpRequest& request) const {
  const Result<const Route*> route = state_->Match(request);
  if (!route.has_value()) return Ready(state_->WriteError(request, route.error()));
  if (state_->guard != nullptr) return state_->Guarded(*route, &request);
  if (state_->quick_guard != nullptr) {
    const Result<void> verdict = state_->quick_guard(**route, request);
    if (!verdict.has_value()) return Ready(state_->WriteError(request, verdict.error()));
  }
  return state_->Run(**route, request);
}

}  // namespace slipway::net
