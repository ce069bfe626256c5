#include "resource/row_keys.h"

namespace slipway::resource {
namespace {

using std::string_literals::operator""s;

const std::string kNul = "\0"s;

std::string Join(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (std::string_view part : parts) out += part;
  return out;
}

}  // namespace

Key KeyOf(const Resource& resource) {
  return {resource.kind, resource.metadata.project, resource.metadata.name};
}

std::string DisplayName(const Key& key) {
  return key.kind + " " + (key.project.empty() ? "" : key.project + "/") + key.name;
}

std::string RowKey(const Key& key) {
  return Join({"r/", key.kind, "/", key.project, "/", key.name});
}

std::optional<Key> ParseRowKey(std::string_view row) {
  if (!row.starts_with("r/")) return {};
  row.remove_prefix(2);
  size_t first = row.find('/');
  if (first == std::string_view::npos) return {};
  size_t second = row.find('/', first + 1);
  if (second == std::string_view::npos) return {};
  return Key{std::string(row.substr(0, first)),
             std::string(row.substr(first + 1, second - first - 1)),
             std::string(row.substr(second + 1))};
}

std::string RowPrefix(std::string_view kind, std::optional<std::string_view> project) {
  if (!project) return Join({"r/", kind, "/"});
  return Join({"r/", kind, "/", *project, "/"});
}

std::string UidRow(std::string_view uid) {
  return Join({"rx/uid/", uid});
}

std::string DependentPrefix(std::string_view owner_uid) {
  return Join({"rx/owner/", owner_uid, "/"});
}

std::string DependentRow(std::string_view owner_uid, const Key& dependent) {
  return DependentPrefix(owner_uid) + RowKey(dependent);
}

std::string LabelPrefix(std::string_view kind, std::string_view label, std::string_view value,
                        std::optional<std::string_view> project) {
  std::string prefix = Join({"rx/label/", kind, kNul, label, kNul, value, kNul});
  if (project) prefix += Join({*project, "/"});
  return prefix;
}

std::string LabelRow(const Key& key, std::string_view label, std::string_view value) {
  return LabelPrefix(key.kind, label, value, key.project) + key.name;
}

std::string TermPrefix(std::string_view kind, std::string_view term,
                       std::optional<std::string_view> project) {
  std::string prefix = Join({"rx/term/", kind, kNul, term, kNul});
  if (project) prefix += Join({*project, "/"});
  return prefix;
}

std::string TermRow(const Key& key, std::string_view term) {
  return TermPrefix(key.kind, term, key.project) + key.name;
}

std::string ObjectEventPrefix(const Key& key) {
  return Join({"rx/event/", key.kind, "/", key.project, "/", key.name, "/"});
}

std::string ProjectEventPrefix(std::string_view project) {
  return Join({"rx/events/", project, "/"});
}

std::string ProjectEventCountRow(std::string_view project) {
  return Join({"rx/event-count/", project});
}

std::string TokenRow(std::string_view id) {
  return Join({"rx/token/", id});
}

std::string SecretRow(std::string_view uid) {
  return Join({"rx/secret/", uid});
}

}  // namespace slipway::resource
