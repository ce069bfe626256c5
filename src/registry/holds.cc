#include "registry/holds.h"

#include <algorithm>

#include "registry/limits.h"

namespace slipway::registry {
namespace {

using std::chrono::milliseconds;

std::string NameOf(std::string_view repository, const Digest& blob) {
  return std::string(repository).append("@").append(blob.text());
}

// Digests are as good as random already.
size_t PlaceOf(std::string_view repository, const Digest& blob) {
  const std::hash<std::string_view> hash;
  return (hash(repository) ^ hash(blob.hex().substr(0, sizeof(uint64_t)))) % kHoldPlaces;
}

}  // namespace

Holds::Holds(Clock& clock, milliseconds hold)
    : clock_(clock),
      hold_(hold),
      begin_(clock.Steady()),
      state_(State{.times = std::vector<uint32_t>(kHoldPlaces), .removals = {}}) {}

milliseconds Holds::Elapsed() const {
  return std::chrono::duration_cast<milliseconds>(clock_.Steady() - begin_);
}

milliseconds Holds::RestOfStart() const {
  return std::max(hold_ - Elapsed(), milliseconds(0));
}

// A time is rounded up, so that the whole second counts.
bool Holds::IsRecent(uint32_t time) const {
  if (hold_ <= milliseconds(0)) return false;
  const milliseconds elapsed = Elapsed();
  return elapsed < hold_ || (time != 0 && elapsed < std::chrono::seconds(time) + hold_);
}

template <class Look>
bool Holds::Note(std::string_view repository, const Digest& blob, Look look) {
  const size_t place = PlaceOf(repository, blob);
  const auto now = static_cast<uint32_t>(Elapsed() / std::chrono::seconds(1) + 1);
  return state_.With([&](State& state) {
    uint32_t& time = state.times[place];
    time = std::max(time, now);
    return look(state);
  });
}

bool Holds::Hold(std::string_view repository, const Digest& blob, uint64_t removals) {
  return Note(repository, blob, [&](const State& state) {
    return removals_.load(std::memory_order_relaxed) != removals ||
           (!state.removals.empty() && state.removals.contains(NameOf(repository, blob)));
  });
}

void Holds::Hold(std::string_view repository, const Digest& blob) {
  Note(repository, blob, [](const State&) { return false; });
}

bool Holds::IsHeld(std::string_view repository, const Digest& blob) const {
  const size_t place = PlaceOf(repository, blob);
  return IsRecent(state_.With([place](const State& state) { return state.times[place]; }));
}

bool Holds::BeginRemoval(std::string_view repository, const Digest& blob) {
  const size_t place = PlaceOf(repository, blob);
  return state_.With([&](State& state) {
    if (IsRecent(state.times[place])) return false;
    state.removals.insert(NameOf(repository, blob));
    removals_.fetch_add(1, std::memory_order_release);
    return true;
  });
}

void Holds::EndRemovals() {
  state_.With([this](State& state) {
    if (!state.removals.empty()) removals_.fetch_add(1, std::memory_order_release);
    state.removals.clear();
  });
}

}  // namespace slipway::registry
