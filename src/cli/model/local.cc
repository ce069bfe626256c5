#include "cli/model/local.h"

#include <cstdlib>

#include <fmt/format.h>

#include "cli/input.h"
#include "model/limits.h"

namespace slipway::cli {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return value == nullptr ? "" : value;
}

Result<std::string> ModelsFolder() {
  const std::string own = Variable("SLIPWAY_MODELS");
  if (!own.empty()) return AbsolutePath(own);
  std::string cache = Variable("XDG_CACHE_HOME");
  if (!cache.starts_with('/')) {
    const std::string home = Variable("HOME");
    if (!home.starts_with('/')) {
      return FailedPrecondition("HOME_MISSING",
                                "no folder for models: set HOME, XDG_CACHE_HOME or SLIPWAY_MODELS");
    }
    cache = home + "/.cache";
  }
  return cache + "/slipway/models";
}

}  // namespace

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

Result<model::LocalEntry> FindLocal(model::LocalStore& store, const std::string& text) {
  auto as_written = store.Find(text);
  if (as_written.has_value() || as_written.error().reason() != "MODEL_UNKNOWN") return as_written;
  TRY(reference, oci::Reference::Parse(text));
  if (reference.tag.empty() && !reference.digest) {
    return InvalidArgument("REFERENCE_INVALID",
                           fmt::format("{0}: the tag is missing, write {0}:TAG", text));
  }
  auto found = store.Find(reference);
  if (found.has_value() || found.error().reason() != "MODEL_UNKNOWN") return found;
  return NotFound("MODEL_UNKNOWN",
                  fmt::format("{}; `slipway model list` shows those that are there, `slipway model "
                              "pull {}` fetches it",
                              found.error().message(), text));
}

std::string ReadConfig(model::LocalStore& store, const oci::Manifest& manifest) {
  if (!manifest.config) return {};
  auto config = oci::ReadContent(store, manifest.config->digest, model::kMaxConfigBytes);
  return config.has_value() ? *std::move(config) : std::string();
}

Error WithAdvice(const Error& error, const std::string& name) {
  const bool is_lost = error.reason() == "CONTENT_DAMAGED" || error.reason() == "BLOB_UNKNOWN" ||
                       error.reason() == "UNPACK_SIZE";
  if (!is_lost) return error;
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
