// Fetch: all bytes of a model come to the site before anything of it is used.
#pragma once

#include <memory>
#include <string>

#include "agent/control_link.h"
#include "base/digest.h"
#include "base/result.h"
#include "oci/content_source.h"
#include "store/object/object_store.h"

namespace slipway::agent {

// Where a site keeps bytes: `content` reads what is there, and sees what is put into `store`.
struct SiteContent {
  oci::ContentSource* content = nullptr;
  store::ObjectStore* store = nullptr;
};

// The content of a site that keeps everything in its own object store.
std::unique_ptr<oci::ContentSource> MakeStoreContent(store::ObjectStore& store);

// Blocking. Returns the manifest's bytes once it and all that it names are in the site's store,
// verified. INVALID_ARGUMENT / DIGEST_MISMATCH for other bytes than asked for, MANIFEST_INVALID.
Result<std::string> FetchModel(ControlLink& link, const SiteContent& site,
                               const std::string& repository, const Digest& manifest_digest);

}  // namespace slipway::agent
