// Keys of the MetaStore rows that resources live in. Format: docs/formats/resources.md.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "resource/envelope.h"

namespace slipway::resource {

struct Key {
  std::string kind;     // as KindInfo spells it
  std::string project;  // empty for global kinds
  std::string name;
  auto operator<=>(const Key&) const = default;
};

Key KeyOf(const Resource& resource);
// `Service shop/fraud`, `Site local`: for messages.
std::string DisplayName(const Key& key);

// r/KIND/PROJECT/NAME: the resource as JSON.
std::string RowKey(const Key& key);
// Nothing if it is not the key of such a row.
std::optional<Key> ParseRowKey(std::string_view row);
// Prefix of the rows of a kind in a project; in all projects if it is nothing.
std::string RowPrefix(std::string_view kind, std::optional<std::string_view> project);

// rx/uid/UID: the row key of the object.
std::string UidRow(std::string_view uid);
// rx/owner/OWNER-UID/ROW-KEY: one row for each object that names an owner.
std::string DependentPrefix(std::string_view owner_uid);
std::string DependentRow(std::string_view owner_uid, const Key& dependent);
// rx/label/KIND \0 KEY \0 VALUE \0 PROJECT/NAME: one row for each label.
std::string LabelPrefix(std::string_view kind, std::string_view label, std::string_view value,
                        std::optional<std::string_view> project);
std::string LabelRow(const Key& key, std::string_view label, std::string_view value);
// rx/term/KIND \0 TERM \0 PROJECT/NAME: one row for each word of KindInfo::terms.
std::string TermPrefix(std::string_view kind, std::string_view term,
                       std::optional<std::string_view> project);
std::string TermRow(const Key& key, std::string_view term);
// rx/event/KIND/PROJECT/NAME/VERSION.NUMBER and rx/events/PROJECT/VERSION.NUMBER.
std::string ObjectEventPrefix(const Key& key);
std::string ProjectEventPrefix(std::string_view project);
std::string ProjectEventCountRow(std::string_view project);
// rx/token/ID: hash of a token; rx/secret/UID: sealed values of a Secret.
std::string TokenRow(std::string_view id);
std::string SecretRow(std::string_view uid);

}  // namespace slipway::resource
