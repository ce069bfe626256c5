#include "async/core_drain.h"

#include <pthread.h>

#include <utility>

#include "base/check.h"

namespace slipway {

CoreDrain::CoreDrain(Options options) : options_(std::move(options)) {
  CHECK(options_.take != nullptr && options_.cores > 0);
  for (size_t i = 0; i < options_.cores; ++i) slots_.push_back(std::make_unique<Slot>());
  thread_ = std::jthread([this](const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), options_.name.c_str());
    Run(stop);
  });
}

CoreDrain::~CoreDrain() {
  thread_.request_stop();
  thread_.join();
}

bool CoreDrain::Give(size_t core, std::string_view bytes, uint64_t items) {
  Slot& slot = *slots_[core];
  bool is_much = false;
  {
    std::lock_guard lock(slot.mutex);
    const size_t before = slot.waiting.bytes.size();
    if (bytes.size() > options_.max_bytes - before) {
      slot.dropped += items;
      return false;
    }
    slot.waiting.bytes += bytes;
    slot.waiting.items += items;
    const size_t much = options_.max_bytes / 4;
    is_much = before < much && before + bytes.size() >= much;
  }
  if (is_much) Wake();
  return true;
}

uint64_t CoreDrain::dropped() const {
  uint64_t sum = 0;
  for (const auto& slot : slots_) {
    std::lock_guard lock(slot->mutex);
    sum += slot->dropped;
  }
  return sum;
}

void CoreDrain::Wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  wake_.notify_one();
}

void CoreDrain::Flush() {
  std::unique_lock lock(mutex_);
  // The round that runs may have passed the caller's core already.
  const uint64_t wanted = rounds_ + 2;
  wanted_ = wanted;
  woken_ = true;
  wake_.notify_one();
  round_over_.wait(lock, [&] { return rounds_ >= wanted; });
}

void CoreDrain::Pause(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::mutex mutex;
  std::condition_variable_any over;
  std::unique_lock lock(mutex);
  over.wait_for(lock, stop, time, [] { return false; });
}

void CoreDrain::Run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, options_.pause, [this] { return woken_ || wanted_ > rounds_; });
    woken_ = false;
    lock.unlock();
    TakeAll(stop);
    lock.lock();
    ++rounds_;
    round_over_.notify_all();
  }
  lock.unlock();
  TakeAll(stop);
}

void CoreDrain::TakeAll(const std::stop_token& stop) {
  Batch batch;
  for (const auto& slot : slots_) {
    Batch taken;
    {
      std::lock_guard lock(slot->mutex);
      std::swap(taken, slot->waiting);
    }
    batch.items += taken.items;
    if (batch.bytes.empty()) {
      batch.bytes = std::move(taken.bytes);
    } else {
      batch.bytes += taken.bytes;
    }
  }
  if (batch.items > 0) options_.take(batch, stop);
}

}  // namespace slipway
