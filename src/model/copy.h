// Copy: a manifest with all that belongs to it, from one registry or repository to another.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/digest.h"
#include "model/package.h"
#include "oci/client.h"
#include "oci/reference.h"

namespace slipway::model {

struct CopyEnd {
  oci::Reference reference;
  oci::Client& client;
  // One more client of the same registry; empty: one transfer after the other.
  std::function<std::unique_ptr<oci::Client>()> make_client;
};

struct CopyOptions {
  // Signatures, attestations and whatever else refers to the copied manifests comes along.
  bool referrers = false;
  // Both ends are one registry: blobs are mounted, not sent.
  bool same_registry = false;
  Progress progress;
};

struct Copied {
  Digest digest;
  bool changed = false;      // the tag is new or pointed elsewhere, or something was missing
  size_t manifests = 0;      // put; those that were there are not counted
  size_t referrers = 0;      // among them
  size_t blobs_there = 0;    // at the target, before
  size_t blobs_mounted = 0;  // taken over within the registry
  size_t blobs_sent = 0;
  uint64_t bytes_sent = 0;
};

// Blocking. Manifests go byte for byte, indexes with all their children, of OCI and Docker schema
// 2. Blobs stream through memory, a few at a time, at most kCopyPipeBytes of each; every one is
// verified at both ends. What the target has is not sent, so that a copy that was cut goes on where
// it was. Content first, then manifests, the named one last: nobody sees a manifest whose content
// is not there. A layer that may not be handed on (`nondistributable`) and is not in the source is
// left out.
//
// `to` without tag and digest takes the source's; with a digest, it must be the source's:
// INVALID_ARGUMENT / REFERENCE_INVALID. With `referrers`, tags of cosign (sha256-HEX.sig and so on)
// come, too; one that is there with other layers is not overwritten: FAILED_PRECONDITION /
// REFERRER_DIFFERS. Other errors: what the registries answered, prefixed with "source: " or
// "target: "; RESOURCE_EXHAUSTED / COPY_TOO_DEEP, COPY_TOO_LARGE.
Result<Copied> Copy(const CopyEnd& from, const CopyEnd& to, const CopyOptions& options);

}  // namespace slipway::model
