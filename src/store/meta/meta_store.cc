#include "store/meta/meta_store.h"

#include "store/limits.h"
#include "store/meta/checks.h"

namespace slipway::store {

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xFF) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

Result<void> CheckKeyValue(std::string_view key, std::string_view value) {
  if (key.empty() || key.size() > kMaxKeyBytes) {
    return InvalidArgument("KEY_INVALID", "a key has 1 to " + std::to_string(kMaxKeyBytes) +
                                              " bytes, got " + std::to_string(key.size()));
  }
  if (value.size() > kMaxValueBytes) {
    return InvalidArgument("VALUE_TOO_LARGE", "a value has at most " +
                                                  std::to_string(kMaxValueBytes) + " bytes, got " +
                                                  std::to_string(value.size()));
  }
  return {};
}

Result<void> CheckLogReaches(uint64_t after, uint64_t floor, uint64_t version) {
  if (after >= floor && after <= version) return {};
  return Error(Code::kOutOfRange, "EXPIRED",
               "changes are kept from version " + std::to_string(floor) + " to " +
                   std::to_string(version) + ", " + std::to_string(after) +
                   " was asked for: list again and go on from the list's version");
}

Result<void> CheckLogVersion(uint64_t version, uint64_t last_logged, uint64_t last_taken) {
  if (version > last_logged && version <= last_taken) return {};
  return Internal("LOG_ORDER", "a change of version " + std::to_string(version) +
                                   " cannot follow one of " + std::to_string(last_logged));
}

}  // namespace slipway::store
