#include "registry/upload_session.h"

#include "base/digest.h"
#include "registry/limits.h"

namespace slipway::registry {
namespace {

constexpr size_t kBlockBytes = 64;
constexpr size_t kSignatureDigits = 32;

std::string HexToBytes(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return out;
}

// Takes the same time for every wrong text of the right length.
bool EqualInConstantTime(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

Error UnknownUpload() {
  return NotFound("BLOB_UPLOAD_UNKNOWN",
                  "there is no such upload: it was finished or cancelled, has expired, or belongs "
                  "to another repository or token. Begin a new one.");
}

}  // namespace

std::string HmacSha256(std::string_view key, std::string_view message) {
  std::string padded(key.size() > kBlockBytes ? HexToBytes(Digest::Of(key).hex())
                                              : std::string(key));
  padded.resize(kBlockBytes, '\0');
  std::string inner = padded;
  std::string outer = padded;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  Hasher hasher;
  hasher.Update(inner);
  hasher.Update(message);
  outer += HexToBytes(hasher.Finish().hex());
  return std::string(Digest::Of(outer).hex());
}

std::string UploadSigner::Signature(std::string_view spool_id, std::string_view repository,
                                    std::string_view subject) const {
  std::string message(spool_id);
  message.append("\n").append(repository).append("\n").append(subject);
  return HmacSha256(key_, message).substr(0, kSignatureDigits);
}

std::string UploadSigner::SessionId(std::string_view spool_id, std::string_view repository,
                                    std::string_view subject) const {
  return std::string(spool_id) + "-" + Signature(spool_id, repository, subject);
}

Result<std::string> UploadSigner::SpoolId(std::string_view session_id, std::string_view repository,
                                          std::string_view subject) const {
  const size_t dash = session_id.rfind('-');
  if (dash == std::string_view::npos) return UnknownUpload();
  const std::string_view spool_id = session_id.substr(0, dash);
  if (!EqualInConstantTime(session_id.substr(dash + 1), Signature(spool_id, repository, subject))) {
    return UnknownUpload();
  }
  return std::string(spool_id);
}

void SmallUploads::Begin(const std::string& spool_id) {
  state_.With([&](State& state) {
    while (state.order.size() >= kMaxSmallUploads) {
      state.contents.erase(state.order.front());
      state.order.pop_front();
    }
    state.order.push_back(spool_id);
    state.contents.emplace(spool_id, std::string());
  });
}

void SmallUploads::Append(const std::string& spool_id, std::string_view bytes) {
  state_.With([&](State& state) {
    const auto found = state.contents.find(spool_id);
    if (found == state.contents.end()) return;
    if (found->second.size() + bytes.size() > kMaxInlineBytes) {
      state.contents.erase(found);
    } else {
      found->second.append(bytes);
    }
  });
}

void SmallUploads::Forget(const std::string& spool_id) {
  state_.With([&](State& state) { state.contents.erase(spool_id); });
}

std::optional<std::string> SmallUploads::Find(const std::string& spool_id) const {
  return state_.With([&](const State& state) -> std::optional<std::string> {
    const auto found = state.contents.find(spool_id);
    if (found == state.contents.end()) return std::nullopt;
    return found->second;
  });
}

}  // namespace slipway::registry
