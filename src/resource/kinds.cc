#include "resource/kinds.h"

#include <algorithm>
#include <vector>

#include "base/format_check.h"
#include "resource/kinds/model.h"
#include "resource/kinds/project.h"
#include "resource/kinds/secret.h"
#include "resource/kinds/service.h"
#include "resource/kinds/site.h"
#include "resource/kinds/token.h"

namespace slipway::resource {
namespace {

std::vector<KindInfo> MakeKinds() {
  return {ProjectKind(),      TokenKind(),   SecretKind(),   ModelKind(),
          ModelVersionKind(), ServiceKind(), RevisionKind(), SiteKind()};
}

bool SameWord(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

std::span<const KindInfo> Kinds() {
  static const std::vector<KindInfo>& kinds = *new std::vector<KindInfo>(MakeKinds());
  return kinds;
}

const KindInfo* FindKind(std::string_view name) {
  for (const KindInfo& kind : Kinds()) {
    if (SameWord(name, kind.kind) || SameWord(name, kind.plural) || SameWord(name, kind.singular)) {
      return &kind;
    }
  }
  return nullptr;
}

Result<const KindInfo*> RequireKind(std::string_view name) {
  if (const KindInfo* kind = FindKind(name)) return kind;
  std::string all;
  for (const KindInfo& kind : Kinds()) all += (all.empty() ? "" : ", ") + std::string(kind.kind);
  return NotFound("KIND_UNKNOWN", "no kind " + Quoted(name) + "; there are " + all);
}

}  // namespace slipway::resource
