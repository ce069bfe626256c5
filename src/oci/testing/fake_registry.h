// FakeRegistry: a registry in a few maps, for tests of what stands on oci::Client. It answers as
// distribution-spec says where nothing is wrong; what goes wrong is up to the test.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/client.h"

namespace slipway::oci {

class FakeRegistry {
 public:
  // For ClientOptions.transport; the registry outlives the client.
  Transport transport();

  // By repository and digest, and by repository and tag or digest.
  std::map<std::pair<std::string, std::string>, std::string> blobs;
  std::map<std::pair<std::string, std::string>, std::string> manifests;
  // Content-Type of a manifest by repository and digest; without an entry, an image manifest's.
  std::map<std::pair<std::string, std::string>, std::string> manifest_types;

  // "METHOD PATH" of every request, in order, without session numbers.
  std::vector<std::string> requests;

  // Called first; an answer ends the request.
  std::function<std::optional<Result<net::ClientResponse>>(const net::ClientRequest&)> intercept;
  // The next body, up or down, is cut after so many bytes, once.
  std::optional<uint64_t> cut_after;
  bool ranges = true;         // of reads
  bool digest_header = true;  // in answers on manifests
  bool monolithic = true;     // POST ?digest= is supported
  bool referrers = true;      // the list of referrers is kept, and OCI-Subject answered

 private:
  struct Parts {
    std::string path;
    std::map<std::string, std::string> query;
    std::string repository;
    std::string rest;  // "blobs/sha256:..", "manifests/v1", "blobs/uploads/3", "tags/list"
  };

  static Parts Split(const std::string& url);
  Result<net::ClientResponse> Answer(const net::ClientRequest& request);
  Result<net::ClientResponse> AnswerManifest(const net::ClientRequest& request, const Parts& parts);
  Result<net::ClientResponse> AnswerBlob(const net::ClientRequest& request, const Parts& parts);
  Result<net::ClientResponse> AnswerUpload(const net::ClientRequest& request, const Parts& parts);
  Result<net::ClientResponse> AnswerTags(const Parts& parts) const;
  Result<net::ClientResponse> AnswerReferrers(const Parts& parts) const;
  net::ClientResponse FinishUpload(const Parts& parts, const std::string& content);
  // Reads the request's body into `out`; an error when it is cut.
  Result<void> ReadBody(const net::ClientRequest& request, std::string& out);

  std::map<std::string, std::string> uploads_;
  int next_upload_ = 1;
};

}  // namespace slipway::oci
