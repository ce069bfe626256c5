// All kinds, for code that handles each of them the same way. One kind is described in one file.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/describe.h"
#include "resource/envelope.h"
#include "resource/search/fields.h"

namespace slipway::resource {

// What generic code needs to know of a kind.
struct KindInfo {
  std::string_view kind;        // "ModelVersion"
  std::string_view plural;      // "modelversions", in paths
  std::string_view singular;    // "modelversion", on the command line
  bool global = false;          // no project
  bool user_writable = true;    // false: only controllers create and change it
  bool user_deletable = true;   // a user may delete it, whoever made it
  bool spec_immutable = false;  // FAILED_PRECONDITION / IMMUTABLE for a change of spec
  const TypeInfo* spec = nullptr;
  const TypeInfo* status = nullptr;
  std::string_view text;  // one sentence, for explain and OpenAPI
  // Checks that go beyond single fields; `old` is null on create. May be null.
  Result<void> (*validate)(const Resource& now, const Resource* old) = nullptr;
  // Whether it may go, beyond finalizers. May be null.
  Result<void> (*validate_delete)(const Resource& resource) = nullptr;
  // Words by which others find it: it gets a row for each (TermPrefix), for as long as it has the
  // word. May be null. Who changes it makes the rows of before anew: kTermsFormat.
  std::vector<std::string> (*terms)(const Resource& resource) = nullptr;
  // What `where` of its lists may ask; empty: they take no `where`.
  std::span<const SearchField> search = {};
};

std::span<const KindInfo> Kinds();
// By kind, plural or singular name, any case; nullptr if there is none.
const KindInfo* FindKind(std::string_view name);
// The same; NOT_FOUND / KIND_UNKNOWN that lists the kinds if there is none.
Result<const KindInfo*> RequireKind(std::string_view name);

}  // namespace slipway::resource
