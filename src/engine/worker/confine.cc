#include "engine/worker/confine.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/descriptor.h"
#include "base/log.h"

namespace slipway::engine::worker {
namespace {

// As of the sixth version of the interface; older kernels take the beginning.
struct Ruleset {
  uint64_t files;
  uint64_t network;
  uint64_t scoped;
};
constexpr uint64_t kNetwork = 3;  // bind and connect of TCP
constexpr int kPortRule = 2;
struct PortRule {
  uint64_t allowed;
  uint64_t port;
};
constexpr uint64_t kScoped = 3;  // abstract unix sockets and signals

constexpr uint64_t kRead =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
// All rights of the first version, all of which are denied where no rule gives them.
constexpr uint64_t kFiles = (uint64_t{1} << 13) - 1;
constexpr uint64_t kTruncate = uint64_t{1} << 14;  // the third version's

// Of /proc its own entry alone: those of others of the same user tell their environment.
constexpr const char* kSystem[] = {"/usr", "/lib", "/lib64", "/bin",
                                   "/etc", "/opt", "/sys",   "/proc/self"};
constexpr const char* kSystemFiles[] = {"/proc/cpuinfo", "/proc/meminfo", "/proc/stat"};
constexpr const char* kDevices[] = {"/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"};

int Version() {
  return static_cast<int>(
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

// What is not there gives nothing to reach.
void Allow(int ruleset, const std::string& path, uint64_t rights) {
  const Descriptor file(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!file) return;
  const landlock_path_beneath_attr beneath{.allowed_access = rights, .parent_fd = file.get()};
  (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
}

void AllowAll(int ruleset, const Reach& reach, const Ruleset& rules) {
  for (const char* const path : kSystem) Allow(ruleset, path, kRead);
  for (const char* const path : kSystemFiles) Allow(ruleset, path, LANDLOCK_ACCESS_FS_READ_FILE);
  for (const std::string& path : reach.readable) Allow(ruleset, path, kRead);
  for (const std::string& path : reach.writable) Allow(ruleset, path, rules.files);
  for (const std::string& path : reach.bare) {
    Allow(
        ruleset, path,
        LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR);
  }
  for (const char* const path : kDevices) {
    Allow(ruleset, path, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
  }
  if (reach.port == 0 || rules.network == 0) return;
  const PortRule rule{.allowed = kNetwork, .port = reach.port};
  (void)syscall(SYS_landlock_add_rule, ruleset, kPortRule, &rule, 0);
}

bool MayBeUnconfined() {
  const char* const word = std::getenv("SLIPWAY_UNCONFINED");  // NOLINT(concurrency-mt-unsafe)
  return word != nullptr && std::string_view(word) == "1";
}

}  // namespace

Result<void> Confine(const Reach& reach) {
  if (MayBeUnconfined()) {
    LogWarning("SLIPWAY_UNCONFINED is set: the code of models may reach whatever this program may");
    return {};
  }
  const int version = Version();
  Ruleset rules{.files = kFiles, .network = 0, .scoped = 0};
  if (version >= 3) rules.files |= kTruncate;
  if (version >= 4) rules.network = kNetwork;
  if (version >= 6) rules.scoped = kScoped;
  const size_t size = version >= 6 ? sizeof(rules) : version >= 4 ? 16 : 8;
  const Descriptor ruleset(
      version < 1 ? -1 : static_cast<int>(syscall(SYS_landlock_create_ruleset, &rules, size, 0)));
  if (!ruleset) {
    return FailedPrecondition(
        "WORKER_UNCONFINED",
        "this kernel cannot confine the code of models (Landlock is missing): serve them on one "
        "that can, or set SLIPWAY_UNCONFINED=1 for the data plane if whoever deploys models may "
        "reach all that it may");
  }
  AllowAll(ruleset.get(), reach, rules);
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return SystemError(errno, "landlock_restrict_self");
  }
  return {};
}

}  // namespace slipway::engine::worker
