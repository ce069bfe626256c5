#include "cli/client.h"

#include <fmt/format.h>

#include "cli/input.h"
#include "oci/reference.h"
#include "resource/kinds.h"

namespace slipway::cli {

Result<ApiClient*> Client::Api() {
  if (!api_) {
    TRY(path, ContextsPath());
    TRY(file, ReadContexts(PosixFileSystem(), path));
    TRY(context, ChooseContext(file, options_.context));
    TRY_VOID(CheckContext(context));
    if (!options_.cert_file.empty() || !options_.key_file.empty()) {
      const auto absolute = [](const std::string& path) {
        return path.empty() ? path : AbsolutePath(path);
      };
      context.cert_file = absolute(options_.cert_file);
      context.key_file = absolute(options_.key_file);
      TRY_VOID(CheckClientCertificate(context));
    }
    api_ = std::make_unique<ApiClient>(std::move(context));
  }
  return api_.get();
}

Result<Format> Client::OutputFormat() const {
  return ParseFormat(options_.output.empty() ? "table" : options_.output);
}

Result<KindName> ParseKindName(std::string_view text) {
  KindName out;
  size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    out.kind = text.substr(0, slash);
    text.remove_prefix(slash + 1);
  }
  out.name = text;
  if (out.kind.empty() || out.name.empty() || out.name.find('/') != std::string::npos) {
    return InvalidArgument("NAME_MALFORMED",
                           fmt::format("\"{}\": write KIND/NAME, or NAME for a service", text));
  }
  if (resource::FindKind(out.kind) == nullptr) {
    return InvalidArgument("KIND_UNKNOWN",
                           fmt::format("{}: there is no such kind; `slipway explain` "
                                       "lists them",
                                       out.kind));
  }
  return out;
}

Result<ModelName> ParseModelName(std::string_view text) {
  TRY(reference, oci::Reference::Parse(text));
  if (!reference.host.empty()) {
    return InvalidArgument("REFERENCE_INVALID",
                           fmt::format("{}: only models of this control centre's own registry can "
                                       "be used here; push or copy it there first",
                                       text));
  }
  if (reference.tag.empty() && !reference.digest) {
    return InvalidArgument("REFERENCE_INVALID",
                           fmt::format("{0}: the tag is missing, write {0}:TAG", text));
  }
  ModelName name;
  name.project = reference.project();
  name.repository = reference.repository;
  name.model = reference.repository.substr(name.project.size() + 1);
  name.selector = reference.Selector();
  name.tag = reference.tag;
  name.service = reference.repository.substr(reference.repository.rfind('/') + 1);
  return name;
}

}  // namespace slipway::cli
