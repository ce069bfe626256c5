// What the routes of Harbor's API share: ids, pages, names. For the .cc files of this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "net/http_message.h"
#include "oci/manifest.h"

namespace slipway::klever {

// Harbor numbers everything; here numbers are made of what does not change: the beginning of a
// SHA-256. Those of projects have 31 bits, as Harbor's clients want them, all others 53, so that
// JavaScript keeps them exact. Never 0.
int64_t ProjectId(std::string_view uid);
int64_t RepositoryId(std::string_view repository);
int64_t ArtifactId(std::string_view repository, std::string_view digest);
int64_t TagId(std::string_view repository, std::string_view tag);
int64_t UserId(std::string_view subject);

struct HarborPage {
  size_t number = 1;  // from 1
  size_t size = 10;
  size_t first() const { return (number - 1) * size; }
};
// page and page_size. INVALID_ARGUMENT / PAGE_INVALID.
Result<HarborPage> HarborPageOf(const net::HttpRequest& request);
// X-Total-Count, and Link to the pages before and after.
void AddPaging(const net::HttpRequest& request, const HarborPage& page, size_t total,
               net::HttpResponse& response);

// The canonical repository of {project} and {repository}, whose slashes are written as %252F (or
// %2F). INVALID_ARGUMENT / NAME_INVALID.
Result<std::string> HarborRepositoryOf(const net::HttpRequest& request);

// What Harbor calls an artifact of this kind: of application/vnd.caicloud.model.config... MODEL.
std::string ArtifactTypeOf(const oci::Manifest& manifest);

// The text in Harbor's filter `q=name=~TEXT`, or `name=TEXT`; empty: none.
std::string NameFilterOf(const net::HttpRequest& request);

}  // namespace slipway::klever
