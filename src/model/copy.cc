#include "model/copy.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "async/byte_pipe.h"
#include "async/guarded.h"
#include "async/parallel.h"
#include "model/limits.h"
#include "model/transfers.h"
#include "oci/artifact.h"
#include "oci/manifest.h"
#include "oci/media_types.h"

namespace slipway::model {
namespace {

// cosign puts what it makes under tags of these names, besides or instead of referrers.
constexpr std::array<std::string_view, 3> kCosignSuffixes = {".sig", ".att", ".sbom"};

std::string CosignTag(const Digest& digest, std::string_view suffix) {
  std::string tag = digest.text();
  tag[tag.find(':')] = '-';
  return tag.append(suffix);
}

// Who is to blame: both ends speak the same protocol.
Error AtSource(const Error& error) {
  return error.Prefixed("source: ");
}
Error AtTarget(const Error& error) {
  return error.Prefixed("target: ");
}

// One blob through memory: two threads, one for each end.
class BlobStream {
 public:
  BlobStream(oci::Client& source, const std::string& from, oci::Client& target,
             const std::string& to, const oci::Descriptor& blob)
      : source_(source), from_(from), target_(target), to_(to), blob_(blob) {}

  Result<void> Run(const oci::UploadOptions& options, const Transfers& transfers) {
    auto done = ForEachInParallel(2, 2, [&](size_t index, size_t) -> Result<void> {
      if (index == 1) return Fetch();
      Result<void> sent = target_.UploadBlob(
          to_, blob_.digest, blob_.size_bytes,
          [&](uint64_t offset, char* out, size_t size) -> Result<size_t> {
            TRY_VOID(transfers.Check());
            return Read(offset, out, size);
          },
          options);
      pipe_.Close();
      return sent;
    });
    if (done.has_value()) return {};
    return source_failed_ ? AtSource(done.error()) : AtTarget(done.error());
  }

 private:
  // Its own failures reach the target's thread through the pipe.
  Result<void> Fetch() {
    while (const auto start = pipe_.NextStart()) {
      // A stream that does not begin at 0 is checked by the target alone.
      std::optional<Hasher> hasher;
      if (*start == 0) hasher.emplace(blob_.digest.algorithm());
      pipe_.Finish(source_.DownloadBlob(
          from_, blob_.digest, blob_.size_bytes, *start,
          [this](std::string_view piece) { return pipe_.Write(piece); }, std::move(hasher)));
    }
    return {};
  }

  Result<size_t> Read(uint64_t offset, char* out, size_t size) {
    auto count = pipe_.Read(offset, out, size);
    // The last bytes go only when the whole is known to be what was asked for: so that damage at
    // the source is told as such.
    if (count && offset + *count == blob_.size_bytes) {
      const Result<void> end = pipe_.AwaitEnd();
      if (!end.has_value()) count = end.error();
    }
    source_failed_ = !count.has_value();
    return count;
  }

  oci::Client& source_;
  const std::string& from_;
  oci::Client& target_;
  const std::string& to_;
  const oci::Descriptor& blob_;
  BytePipe pipe_{kCopyPipeBytes};
  bool source_failed_ = false;  // of the target's thread
};

class Copier {
 public:
  Copier(const CopyEnd& from, const CopyEnd& to, const CopyOptions& options)
      : from_(from),
        to_(to),
        options_(options),
        is_parallel_(from.make_client && to.make_client),
        sources_options_{.progress = {}, .make_client = Makers(from)},
        targets_options_{.progress = options.progress, .make_client = Makers(to)},
        sources_(from.client, sources_options_),
        targets_(to.client, targets_options_) {}

  Result<Copied> Run() {
    TRY(named, Fetch(from_.reference.Selector()));
    TRY(selector, TargetSelector(named.digest));
    copied_.digest = named.digest;
    auto before = to_.client.HeadManifest(to_.reference.repository, selector);
    if (!before.has_value()) return AtTarget(before.error());
    const bool is_there = *before && (*before)->digest == named.digest;
    TRY_VOID(CopyManifest(named, {.selector = selector, .is_there = is_there}));
    copied_.changed = copied_.manifests > 0 || copied_.blobs_sent > 0;
    return copied_;
  }

 private:
  struct Place {
    std::string selector;  // at the target
    bool is_there = false;
    bool refers = false;  // found as a referrer
    int depth = 0;
  };

  std::function<std::unique_ptr<oci::Client>()> Makers(const CopyEnd& end) const {
    return is_parallel_ ? end.make_client : nullptr;
  }

  Result<std::string> TargetSelector(const Digest& digest) const {
    const oci::Reference& to = to_.reference;
    if (to.digest && *to.digest != digest) {
      return InvalidArgument(
          "REFERENCE_INVALID",
          fmt::format("{} is {}, and cannot be {} at the target: a copy has "
                      "the digest of its source",
                      from_.reference.ToString(), digest.text(), to.digest->text()));
    }
    if (!to.tag.empty()) return to.tag;
    return to.digest || from_.reference.tag.empty() ? digest.text() : from_.reference.tag;
  }

  Result<oci::FetchedManifest> Fetch(const std::string& selector) {
    auto fetched = from_.client.GetManifest(from_.reference.repository, selector);
    if (!fetched.has_value()) return AtSource(fetched.error());
    return fetched;
  }

  Result<void> CopyByDigest(const Digest& digest, bool refers, int depth) {
    if (seen_.contains(digest.text())) return {};
    auto there = to_.client.HeadManifest(to_.reference.repository, digest.text());
    if (!there.has_value()) return AtTarget(there.error());
    TRY(fetched, Fetch(digest.text()));
    return CopyManifest(fetched, {.selector = digest.text(),
                                  .is_there = there->has_value(),
                                  .refers = refers,
                                  .depth = depth});
  }

  // NOLINTNEXTLINE(misc-no-recursion): kMaxCopyDepth
  Result<void> CopyManifest(const oci::FetchedManifest& fetched, const Place& place) {
    if (!seen_.insert(fetched.digest.text()).second) return PutSeen(fetched, place);
    TRY_VOID(CheckLimits(place.depth));
    auto parsed = oci::ParseManifest(fetched.bytes, fetched.media_type);
    if (!parsed.has_value()) return AtSource(parsed.error());
    const oci::Manifest& manifest = *parsed;
    for (const oci::Descriptor& child : manifest.children) {
      TRY_VOID(CopyByDigest(child.digest, false, place.depth + 1));
    }
    // Of a manifest that is there, the target may have lost some.
    TRY_VOID(CopyBlobs(manifest));
    if (!place.is_there) {
      TRY_VOID(Put(fetched, manifest, place));
    } else if (place.refers && manifest.subject) {
      auto listed = to_.client.EnsureReferrer(
          to_.reference.repository, oci::DescriptorOf(fetched, manifest), manifest.subject->digest);
      if (!listed.has_value()) return AtTarget(listed.error());
    }
    return options_.referrers ? CopyReferrers(fetched.digest, place.depth) : Result<void>();
  }

  Result<void> CheckLimits(int depth) const {
    if (depth > kMaxCopyDepth) {
      return ResourceExhausted(
          "COPY_TOO_DEEP", fmt::format("indexes and referrers go deeper than {} manifests; copy "
                                       "the inner ones by themselves",
                                       kMaxCopyDepth));
    }
    if (seen_.size() > kMaxCopyManifests) {
      return ResourceExhausted(
          "COPY_TOO_LARGE", fmt::format("{} has more than {} manifests", from_.reference.ToString(),
                                        kMaxCopyManifests));
    }
    return {};
  }

  // Of a manifest that was copied before: the other name that it has, as cosign's tag.
  Result<void> PutSeen(const oci::FetchedManifest& fetched, const Place& place) {
    if (place.is_there || place.selector == fetched.digest.text()) return {};
    const auto put = to_.client.PutManifest(to_.reference.repository, place.selector,
                                            fetched.media_type, fetched.bytes);
    return put.has_value() ? Result<void>() : AtTarget(put.error());
  }

  Result<void> Put(const oci::FetchedManifest& fetched, const oci::Manifest& manifest,
                   const Place& place) {
    const std::string& repository = to_.reference.repository;
    Result<void> done;
    if (manifest.subject) {
      done = to_.client.PutReferrer(repository, oci::DescriptorOf(fetched, manifest), fetched.bytes,
                                    manifest.subject->digest);
    }
    if (done && (!manifest.subject || place.selector != fetched.digest.text())) {
      const auto put =
          to_.client.PutManifest(repository, place.selector, manifest.media_type, fetched.bytes);
      if (!put.has_value()) done = put.error();
    }
    if (!done.has_value()) return AtTarget(done.error());
    ++copied_.manifests;
    if (place.refers) ++copied_.referrers;
    return {};
  }

  Result<void> CopyBlobs(const oci::Manifest& manifest);
  Result<void> CopyBlob(const oci::Descriptor& blob, size_t worker);
  // Nothing to do: it is at the target, or its place is elsewhere.
  Result<bool> IsSettled(const oci::Descriptor& blob, size_t worker);
  Result<void> CopyReferrers(const Digest& digest, int depth);
  Result<void> CopyCosignTag(const std::string& tag, int depth);
  Result<void> CheckReplaceable(const std::string& tag, const oci::FetchedManifest& fetched);

  const CopyEnd& from_;
  const CopyEnd& to_;
  const CopyOptions& options_;
  const bool is_parallel_;
  const TransferOptions sources_options_;
  const TransferOptions targets_options_;
  Transfers sources_;  // for its clients alone
  Transfers targets_;
  std::set<std::string> seen_;  // digests of manifests
  Copied copied_{.digest = Digest::Of("")};
  Guarded<Copied*> counts_{&copied_};
};

// A name for people.
std::string ShownAs(const oci::Descriptor& blob) {
  const std::string_view path = blob.annotation(oci::kModelFilePath);
  return path.empty() ? fmt::format("blob {}", blob.digest.hex().substr(0, 12)) : std::string(path);
}

Result<void> Copier::CopyBlobs(const oci::Manifest& manifest) {
  std::vector<const oci::Descriptor*> blobs;
  std::set<std::string> digests;
  if (manifest.config) blobs.push_back(&*manifest.config);
  for (const oci::Descriptor& layer : manifest.layers) blobs.push_back(&layer);
  std::erase_if(blobs, [&](const oci::Descriptor* blob) {
    return !digests.insert(blob->digest.text()).second;
  });
  std::vector<char> is_settled(blobs.size());  // one byte each: threads write side by side
  TRY_VOID(targets_.RunOnWorkers(blobs.size(), [&](size_t index, size_t worker) -> Result<void> {
    TRY(settled, IsSettled(*blobs[index], worker));
    is_settled[index] = settled ? 1 : 0;
    return {};
  }));
  std::vector<const oci::Descriptor*> missing;
  for (size_t i = 0; i < blobs.size(); ++i) {
    if (is_settled[i] == 0) missing.push_back(blobs[i]);
  }
  for (const oci::Descriptor* blob : missing) {
    targets_.Report(ShownAs(*blob), 0, blob->size_bytes);
  }
  return targets_.RunOnWorkers(missing.size(), [&](size_t index, size_t worker) {
    return CopyBlob(*missing[index], worker);
  });
}

Result<bool> Copier::IsSettled(const oci::Descriptor& blob, size_t worker) {
  oci::Client& target = targets_.ClientOf(worker);
  const std::string& repository = to_.reference.repository;
  auto there = target.HeadBlob(repository, blob.digest);
  if (!there.has_value()) return AtTarget(there.error());
  if (*there) {
    counts_.With([](Copied* copied) { ++copied->blobs_there; });
    return true;
  }
  if (options_.same_registry && from_.reference.repository != repository) {
    auto mounted = target.MountBlob(repository, blob.digest, from_.reference.repository);
    if (!mounted.has_value()) return AtTarget(mounted.error());
    if (*mounted) counts_.With([](Copied* copied) { ++copied->blobs_mounted; });
    if (*mounted) return true;
  }
  if (!oci::IsNonDistributableType(blob.media_type)) return false;
  auto has = sources_.ClientOf(worker).HeadBlob(from_.reference.repository, blob.digest);
  if (!has.has_value()) return AtSource(has.error());
  return !*has;
}

Result<void> Copier::CopyBlob(const oci::Descriptor& blob, size_t worker) {
  const std::string shown = ShownAs(blob);
  oci::UploadOptions options;
  options.progress = [&](uint64_t done) { targets_.Report(shown, done, blob.size_bytes); };
  BlobStream stream(sources_.ClientOf(worker), from_.reference.repository,
                    targets_.ClientOf(worker), to_.reference.repository, blob);
  const Result<void> done = stream.Run(options, targets_);
  if (!done.has_value()) return done.error().Prefixed(fmt::format("{}: ", shown));
  counts_.With([&](Copied* copied) {
    ++copied->blobs_sent;
    copied->bytes_sent += blob.size_bytes;
  });
  return {};
}

// NOLINTNEXTLINE(misc-no-recursion): kMaxCopyDepth
Result<void> Copier::CopyReferrers(const Digest& digest, int depth) {
  auto found = from_.client.ListReferrers(from_.reference.repository, digest);
  if (!found.has_value()) return AtSource(found.error());
  for (const oci::Descriptor& referrer : *found) {
    TRY_VOID(CopyByDigest(referrer.digest, true, depth + 1));
  }
  for (const std::string_view suffix : kCosignSuffixes) {
    TRY_VOID(CopyCosignTag(CosignTag(digest, suffix), depth + 1));
  }
  return {};
}

// NOLINTNEXTLINE(misc-no-recursion): kMaxCopyDepth
Result<void> Copier::CopyCosignTag(const std::string& tag, int depth) {
  if (!oci::CheckTag(tag)) return {};  // of a sha512 digest there is none
  auto source = from_.client.HeadManifest(from_.reference.repository, tag);
  if (!source.has_value()) return AtSource(source.error());
  if (!*source) return {};
  TRY(fetched, Fetch(tag));
  auto target = to_.client.HeadManifest(to_.reference.repository, tag);
  if (!target.has_value()) return AtTarget(target.error());
  const bool is_there = *target && (*target)->digest == fetched.digest;
  if (*target && !is_there) TRY_VOID(CheckReplaceable(tag, fetched));
  return CopyManifest(fetched,
                      {.selector = tag, .is_there = is_there, .refers = true, .depth = depth});
}

// Whether all that the target has under the tag is in the source's, too.
Result<void> Copier::CheckReplaceable(const std::string& tag, const oci::FetchedManifest& fetched) {
  auto before = to_.client.GetManifest(to_.reference.repository, tag);
  if (!before.has_value()) return AtTarget(before.error());
  const auto old_one = oci::ParseManifest(before->bytes, before->media_type);
  const auto new_one = oci::ParseManifest(fetched.bytes, fetched.media_type);
  std::set<std::string> layers;
  if (new_one) {
    for (const oci::Descriptor& layer : new_one->layers) layers.insert(layer.digest.text());
  }
  const bool is_subset = old_one && old_one->children.empty() &&
                         std::ranges::all_of(old_one->layers, [&](const oci::Descriptor& layer) {
                           return layers.contains(layer.digest.text());
                         });
  if (is_subset) return {};
  return FailedPrecondition(
      "REFERRER_DIFFERS",
      fmt::format("target: {} holds signatures that the source does not have; they are not "
                  "overwritten: delete that tag there, or copy without --referrers",
                  tag));
}

}  // namespace

Result<Copied> Copy(const CopyEnd& from, const CopyEnd& to, const CopyOptions& options) {
  return Copier(from, to, options).Run();
}

}  // namespace slipway::model
