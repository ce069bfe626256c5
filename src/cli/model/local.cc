#include "cli/model/local.h"

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "cli/input.h"
#include "model/limits.h"
#include "model/local/entry_digest.h"

namespace slipway::cli {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return value == nullptr ? "" : value;
}

Result<std::string> ModelsFolder() {
  const std::string own = Variable("SLIPWAY_MODELS");
  if (!own.empty()) return AbsolutePath(own);
  TRY(cache, CacheFolder());
  return cache + "/models";
}

Result<std::vector<model::LocalEntry>> FindByDigest(model::LocalStore& store,
                                                    const std::string& text) {
  TRY(entries, store.List());
  TRY(found, model::EntriesOfDigest(entries, text));
  if (!found.empty()) return found;
  return NotFound("MODEL_UNKNOWN",
                  fmt::format("there is no model of digest {} in {}; `slipway model list` shows "
                              "those that are there",
                              text, store.folder()));
}

}  // namespace

Result<std::string> CacheFolder() {
  std::string cache = Variable("XDG_CACHE_HOME");
  if (!cache.starts_with('/')) {
    const std::string home = Variable("HOME");
    if (!home.starts_with('/')) {
      return FailedPrecondition("HOME_MISSING",
                                "no folder for models: set HOME, XDG_CACHE_HOME or SLIPWAY_MODELS");
    }
    cache = home + "/.cache";
  }
  return cache + "/slipway";
}

Result<model::LocalStore> OpenModels(Client& client) {
  TRY(folder, ModelsFolder());
  return Result<model::LocalStore>(boost::system::in_place_value, PosixFileSystem(),
                                   std::move(folder), client.clock());
}

Result<oci::Reference> ParseTagged(const std::string& text) {
  TRY(reference, oci::Reference::Parse(text));
  if (reference.digest) {
    return InvalidArgument("REFERENCE_INVALID",
                           fmt::format("{}: a model is kept under a tag, not under a digest: write "
                                       "NAME:TAG",
                                       text));
  }
  if (reference.tag.empty()) {
    return InvalidArgument("REFERENCE_INVALID",
                           fmt::format("{0}: the tag is missing, write {0}:TAG", text));
  }
  return reference;
}

Result<std::vector<model::LocalEntry>> FindAllLocal(model::LocalStore& store,
                                                    const std::string& text) {
  auto as_written = store.Find(text);
  if (as_written.has_value()) return std::vector{*std::move(as_written)};
  if (as_written.error().reason() != "MODEL_UNKNOWN") return as_written.error();
  if (model::IsDigestPrefix(text)) return FindByDigest(store, text);
  TRY(reference, oci::Reference::Parse(text));
  if (reference.tag.empty() && !reference.digest) {
    return InvalidArgument("REFERENCE_INVALID",
                           fmt::format("{0}: the tag is missing, write {0}:TAG", text));
  }
  auto found = store.FindAll(reference);
  if (found.has_value() || found.error().reason() != "MODEL_UNKNOWN") return found;
  return NotFound("MODEL_UNKNOWN",
                  fmt::format("{}; `slipway model list` shows those that are there, `slipway model "
                              "pull {}` fetches it",
                              found.error().message(), text));
}

Result<model::LocalEntry> FindLocal(model::LocalStore& store, const std::string& text) {
  TRY(found, FindAllLocal(store, text));
  return std::move(found.front());
}

const std::string& ShownName(const model::LocalEntry& entry) {
  return entry.name.empty() ? entry.manifest.digest.text() : entry.name;
}

std::string ReadConfig(model::LocalStore& store, const oci::Manifest& manifest) {
  if (!manifest.config) return {};
  auto config = oci::ReadContent(store, manifest.config->digest, model::kMaxConfigBytes);
  return config.has_value() ? *std::move(config) : std::string();
}

model::Scratch ScratchFolder() {
  std::error_code ignored;
  return {.files = &PosixFileSystem(),
          .folder = std::filesystem::temp_directory_path(ignored).string()};
}

Error WithAdvice(const Error& error, const std::string& name) {
  const bool is_lost = error.reason() == "CONTENT_DAMAGED" || error.reason() == "BLOB_UNKNOWN" ||
                       error.reason() == "UNPACK_SIZE";
  if (!is_lost) return error;
  if (model::IsDigestPrefix(name)) {
    return Error(error.code(), error.reason(),
                 error.message() + "; pull it again by a name, or save it once more",
                 error.details());
  }
  return Error(error.code(), error.reason(),
               fmt::format("{}; `slipway model pull {}` fetches it again, or save it once more",
                           error.message(), name),
               error.details());
}

void AddForm(Command& command, std::string* form) {
  command.Choice(form, "--form", {"modelpack", "ormb", "modelcar"},
                 "What to make of it: a CNCF ModelPack, ormb's artifact, or an image that "
                 "Kubernetes mounts (modelpack)");
}

model::PackageForm FormOf(const std::string& form) {
  if (form == "ormb") return model::PackageForm::kOrmb;
  if (form == "modelcar") return model::PackageForm::kModelcar;
  return model::PackageForm::kModelPack;
}

}  // namespace slipway::cli
