#include "klever/harbor/harbor.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "klever/limits.h"
#include "net/query.h"
#include "oci/reference.h"

namespace slipway::klever {
namespace {

int64_t IdOf(std::string_view kind, std::string_view text, int bits) {
  const Digest digest = Digest::Of("slipway/" + std::string(kind) + "/" + std::string(text));
  uint64_t number = 0;
  std::from_chars(digest.hex().data(), digest.hex().data() + 16, number, 16);
  number >>= 64 - bits;
  return static_cast<int64_t>(std::max<uint64_t>(number, 1));
}

constexpr int kSmallBits = 31;
constexpr int kLargeBits = 53;

Result<size_t> Number(const net::HttpRequest& request, std::string_view name, size_t otherwise,
                      size_t limit) {
  const auto text = request.Query(name);
  if (!text || text->empty()) return otherwise;
  size_t number = 0;
  const char* end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, number);
  if (error == std::errc() && at == end && number >= 1 && number <= limit) return number;
  return Error(
      Code::kInvalidArgument, "PAGE_INVALID",
      std::string(name) + " must be a whole number from 1 to " + std::to_string(limit) + ".",
      {{"field", std::string(name)}});
}

// Path and query of another page of the list that was asked for.
std::string PageLink(const net::HttpRequest& request, const HarborPage& page, size_t number,
                     std::string_view relation) {
  std::string query;
  for (const auto& [key, value] : net::ParseQuery(request.query)) {
    if (key == "page" || key == "page_size") continue;
    query += net::PercentEncode(key) + "=" + net::PercentEncode(value) + "&";
  }
  return "<" + std::string(request.path) + "?" + query + "page=" + std::to_string(number) +
         "&page_size=" + std::to_string(page.size) + ">; rel=\"" + std::string(relation) + "\"";
}

}  // namespace

int64_t ProjectId(std::string_view uid) {
  return IdOf("project", uid, kSmallBits);
}
int64_t RepositoryId(std::string_view repository) {
  return IdOf("repository", repository, kLargeBits);
}
int64_t ArtifactId(std::string_view repository, std::string_view digest) {
  return IdOf("artifact", std::string(repository) + "@" + std::string(digest), kLargeBits);
}
int64_t TagId(std::string_view repository, std::string_view tag) {
  return IdOf("tag", std::string(repository) + ":" + std::string(tag), kLargeBits);
}
int64_t UserId(std::string_view subject) {
  return IdOf("user", subject, kSmallBits);
}

Result<HarborPage> HarborPageOf(const net::HttpRequest& request) {
  TRY(number, Number(request, "page", 1, size_t{1} << 31));
  TRY(size, Number(request, "page_size", kDefaultPageSize, kMaxPageSize));
  return HarborPage{.number = number, .size = size};
}

void AddPaging(const net::HttpRequest& request, const HarborPage& page, size_t total,
               net::HttpResponse& response) {
  response.headers.emplace_back("X-Total-Count", std::to_string(total));
  std::string links;
  if (page.number > 1) links = PageLink(request, page, page.number - 1, "prev");
  if (page.first() + page.size < total) {
    links += (links.empty() ? "" : " , ") + PageLink(request, page, page.number + 1, "next");
  }
  if (!links.empty()) response.headers.emplace_back("Link", std::move(links));
}

Result<std::string> HarborRepositoryOf(const net::HttpRequest& request) {
  // No name has a percent sign, so what is left of one is the second time that it was encoded.
  TRY(name, net::PercentDecode(request.Parameter("repository")));
  std::string repository = request.Parameter("project") + "/" + name;
  TRY_VOID(oci::CheckRepositoryName(repository));
  return repository;
}

// `application/vnd.VENDOR.TYPE.config.VERSION+json`, as Harbor reads it.
std::string ArtifactTypeOf(const oci::Manifest& manifest) {
  std::string_view type = manifest.config ? manifest.config->media_type : std::string_view();
  if (manifest.is_index() || type == "application/vnd.docker.container.image.v1+json") {
    return "IMAGE";
  }
  constexpr std::string_view kBegin = "application/vnd.";
  const size_t vendor =
      type.starts_with(kBegin) ? type.find('.', kBegin.size()) : std::string_view::npos;
  const size_t config = type.rfind(".config.");
  if (vendor == std::string_view::npos || config == std::string_view::npos || config <= vendor) {
    return "UNKNOWN";
  }
  std::string name(type.substr(vendor + 1, config - vendor - 1));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return name;
}

std::string NameFilterOf(const net::HttpRequest& request) {
  if (auto name = request.Query("name")) return std::move(*name);
  const std::string filter = request.Query("q").value_or("");
  for (const std::string_view begin : {"name=~", "name="}) {
    if (filter.starts_with(begin))
      return filter.substr(begin.size(), filter.find(',') - begin.size());
  }
  return {};
}

}  // namespace slipway::klever
