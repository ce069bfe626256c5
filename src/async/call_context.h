// CallContext: what every call that leaves the process takes first.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

enum class Role : uint8_t { kViewer, kEditor, kAdmin, kSite, kPackager };

// A role in one project (empty: in all), or on one service only (inference).
struct Grant {
  Role role = Role::kViewer;
  std::string project;
  std::string service;
};

// Who asks. Made by trust from a token; `subject` goes to the change log and is never a secret.
struct Identity {
  std::string subject;  // "token/ci", "anonymous", "system/controller.service"
  std::vector<Grant> grants;
};

struct CallContext {
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  Identity identity;
  std::string request_id;

  // For work that the program starts itself: all rights, no deadline.
  static CallContext System(std::string component);
};

}  // namespace slipway
