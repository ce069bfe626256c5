// FakeServe: speaks as `slipway serve` does on its channel, without serving anything.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "async/guarded.h"
#include "base/descriptor.h"
#include "runtime/fake/fake_driver.h"
#include "runtime/serving_channel.h"

namespace slipway::agent {

// Lives as long as its workload runs in the fake driver. Every revision is Ready at once, unless
// the test says otherwise.
class FakeServe {
 public:
  struct Options {
    std::string build_id = "build";
    bool silent = false;                        // accepts connections and never says a word
    std::map<std::string, std::string> phases;  // by uid, of revisions that are not Ready
  };
  FakeServe(runtime::FakeDriver& driver, runtime::WorkloadHandle handle,
            const runtime::FakeDriver::Workload& workload, Options options);
  ~FakeServe();

  // From now on it answers no pings, or does again.
  void SetMute(bool mute);
  // From now on these cores do not answer.
  void SetSilentCores(std::vector<int64_t> cores);
  void SetPhase(const std::string& uid, const std::string& phase);
  // Of the last serving.json that it read; 0: none.
  uint64_t generation() const;
  std::vector<int64_t> loaded() const;  // numbers of revisions
  int reloads() const;                  // asked for on the newest channel
  int certificates() const;             // how often it was told of another one
  bool asked_to_stop() const;
  bool is_held() const;  // it does not listen yet

 private:
  struct State {
    std::map<std::string, std::string> phases;
    uint64_t generation = 0;
    std::vector<int64_t> loaded;
    std::vector<runtime::RevisionMeasurement> revisions;
    bool mute = false;
    std::vector<int64_t> silent_cores;
    int reloads = 0;
    int certificates = 0;
    bool asked_to_stop = false;
    bool held = false;
    bool say_again = false;
  };
  void Run();
  void ReadConfig();
  void Accept(int listener);
  void Answer(runtime::ServingChannel& channel, const runtime::ChannelMessage& message);
  void Pong(runtime::ServingChannel& channel);
  void Say(runtime::ServingChannel& channel);
  bool IsRunning();

  runtime::FakeDriver& driver_;
  const runtime::WorkloadHandle handle_;
  const Options options_;
  const std::string folder_;
  const int64_t pid_;
  std::vector<std::string> names_;
  std::vector<Descriptor> sockets_;
  std::vector<std::unique_ptr<runtime::ServingChannel>> channels_;
  std::vector<runtime::ServingChannel*> unanswered_;  // pings, while it is mute
  Guarded<State> state_;
  std::thread thread_;
};

}  // namespace slipway::agent
