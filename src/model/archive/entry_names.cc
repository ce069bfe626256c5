#include "model/archive/entry_names.h"

#include <utf8proc.h>

#include <cstdlib>

#include <fmt/format.h>

#include "model/limits.h"
#include "model/path.h"

namespace slipway::model {
namespace {

bool IsAscii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

std::string FoldAscii(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

Error Refused(std::string_view path, const std::string& what) {
  return InvalidArgument("ENTRY_REFUSED", fmt::format("the entry '{}' {}", path, what));
}

}  // namespace

std::string FoldPath(std::string_view path) {
  if (IsAscii(path)) return FoldAscii(path);
  utf8proc_uint8_t* folded = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(path.data()),
                   static_cast<utf8proc_ssize_t>(path.size()), &folded,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE |
                                                  UTF8PROC_CASEFOLD | UTF8PROC_IGNORE));
  // Only text that is no UTF-8 fails, and paths are.
  if (size < 0) return FoldAscii(path);
  std::string text(reinterpret_cast<const char*>(folded), static_cast<size_t>(size));
  std::free(folded);
  return text;
}

Result<std::string> EntryNames::Add(std::string_view folder, std::string_view stated,
                                    bool is_folder) {
  while (stated.starts_with("./")) stated.remove_prefix(2);
  while (is_folder && stated.ends_with('/')) stated.remove_suffix(1);
  if (is_folder && (stated.empty() || stated == ".")) return std::string();
  // The name alone first: a folder before it must not make an absolute path a relative one.
  TRY_VOID(CheckPath(stated));
  std::string path = std::string(folder) + std::string(stated);
  if (!folder.empty()) TRY_VOID(CheckPath(path));
  TRY_VOID(AddFolders(path));
  TRY_VOID(AddOne(path, is_folder));
  return path;
}

Result<void> EntryNames::AddFolders(std::string_view path) {
  for (size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    TRY_VOID(AddOne(path.substr(0, slash), true));
  }
  return {};
}

Result<void> EntryNames::AddOne(std::string_view path, bool is_folder) {
  const std::string folded = FoldPath(path);
  const auto found = claims_.find(folded);
  if (found == claims_.end()) {
    names_bytes_ += path.size();
    if (claims_.size() >= kMaxArchiveEntries || names_bytes_ > kMaxArchiveNamesBytes) {
      return InvalidArgument("ARCHIVE_TOO_LARGE",
                             fmt::format("at most {} files and folders with {} bytes of names are "
                                         "taken; '{}' is one more",
                                         kMaxArchiveEntries, kMaxArchiveNamesBytes, path));
    }
    claims_.emplace(folded, Claim{.path = std::string(path), .is_folder = is_folder});
    return {};
  }
  const Claim& claim = found->second;
  if (claim.path != path) {
    return Refused(path,
                   fmt::format("and '{}' are the same path on some file systems", claim.path));
  }
  if (claim.is_folder != is_folder) return Refused(path, "is a file and a folder at once");
  if (!is_folder) return Refused(path, "is there twice");
  return {};
}

}  // namespace slipway::model
