// Which registry a reference means, and a client for it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "cli/client.h"
#include "oci/client.h"
#include "oci/reference.h"

namespace slipway::cli {

struct RegistryAccess {
  oci::Reference reference;
  std::unique_ptr<oci::Client> client;
  // One more of the same, for another thread.
  std::function<std::unique_ptr<oci::Client>()> make_client;
  // Of this user's uploads; nullptr where he has no folder for them.
  std::shared_ptr<oci::UploadNotes> notes;
  bool is_own = false;  // the registry of the chosen context
  // HOST/REPOSITORY, as other tools name it.
  std::string FullName() const;
  std::string host;  // with its port
};

// What a reference must say besides the repository.
enum class Selector : uint8_t { kRequired, kOptional };

// A reference without a host is on the registry of the context, with its token. Another registry is
// asked over http if it is on this machine, else over https, with what `slipway login`, Docker or
// Podman keep for it.
// INVALID_ARGUMENT / REFERENCE_INVALID, also where a tag or digest is required and missing.
Result<RegistryAccess> OpenRegistry(Client& client, const std::string& text,
                                    Selector selector = Selector::kRequired);

}  // namespace slipway::cli
