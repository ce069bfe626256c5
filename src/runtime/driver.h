// Driver: what starts and stops workloads at a site. One implementation a kind of place: processes
// of this machine, containers, pods.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "async/task.h"
#include "base/describe.h"
#include "base/result.h"

namespace slipway::runtime {

// An open descriptor that the workload inherits, named in SLIPWAY_LISTEN.
struct PassedDescriptor {
  std::string name;  // "rest"
  int descriptor = -1;
};

struct WorkloadSpec {
  std::string name;                    // unique among the workloads of the site: "serve"
  std::string program;                 // absolute path
  std::vector<std::string> arguments;  // without the program's own name
  // In addition to the environment of this process, or instead of variables of the same name.
  std::vector<std::pair<std::string, std::string>> environment;
  std::string folder;    // working directory, absolute
  std::string log_path;  // standard output and error are appended to this file
  std::vector<PassedDescriptor> descriptors;
};

// What finds a workload again after a restart of the agent. Written to the site's database; only
// the driver that made it reads `id`.
struct WorkloadHandle {
  std::string driver;  // "process"
  std::string name;    // of the spec
  std::string id;
};
BOOST_DESCRIBE_STRUCT(WorkloadHandle, (), (driver, name, id))

// How a workload ended. `by_signal` 0: it exited with `exit_code`; both are empty when the workload
// is no child of this process, whose end only its parent learns.
struct WorkloadExit {
  std::optional<int> exit_code;
  std::optional<int> by_signal;
  // "exited with code 1", "was killed by signal 11 (Segmentation fault)", "ended".
  std::string ToString() const;
};

// Thread-safe. The blocking calls are made on the blocking pool.
class Driver {
 public:
  virtual ~Driver() = default;

  // Blocking. `record` is called with the handle once the workload exists and before its program
  // runs; if it fails, or this process dies before it returned, the program never runs: so no
  // workload exists that the record does not name. INVALID_ARGUMENT / WORKLOAD_INVALID,
  // FAILED_PRECONDITION / PROGRAM_MISSING for a program that cannot be run.
  using Record = std::function<Result<void>(const WorkloadHandle&)>;
  virtual Result<WorkloadHandle> Start(const WorkloadSpec& spec, const Record& record) = 0;

  // Blocking. Whether this very workload runs, not another one that got its number. The process id
  // where it is a process of this machine, else 0; nothing when it is gone.
  virtual Result<std::optional<int64_t>> Find(const WorkloadHandle& handle) = 0;

  // Blocking. Whether somebody outside holds it still: a stop signal, or a debugger. What is held
  // is there and does nothing until it is let go.
  virtual Result<bool> IsHeld(const WorkloadHandle& handle) = 0;

  // Blocking. Asks it to end (SIGTERM), kills what is left of it after `grace`, and returns when it
  // is gone. One that is gone already is success. Touches nothing that the handle does not name.
  virtual Result<void> Stop(const WorkloadHandle& handle, std::chrono::milliseconds grace) = 0;

  // Resumes when it has ended. CANCELLED (the code) when the caller was cancelled. Any number of
  // callers may wait for the same workload.
  virtual Task<Result<WorkloadExit>> WaitExit(WorkloadHandle handle) = 0;
};

// Processes of this machine, each in a session of its own, so that they survive this process and
// no terminal's Ctrl-C reaches them.
std::unique_ptr<Driver> MakeProcessDriver();

}  // namespace slipway::runtime

template <>
struct slipway::Description<slipway::runtime::WorkloadHandle> {
  static constexpr std::string_view kText = "What finds a workload again.";
  static constexpr FieldText kFields[] = {
      {.name = "driver", .text = "The driver that made it.", .required = true, .max = 64},
      {.name = "name", .text = "Its name in the site.", .required = true, .max = 256},
      {.name = "id", .text = "Known to the driver alone.", .required = true, .max = 1024},
  };
};
