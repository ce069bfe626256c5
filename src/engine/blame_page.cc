#include "engine/blame_page.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "async/guarded.h"
#include "base/descriptor.h"
#include "base/file_system.h"

namespace slipway::engine {
namespace {

constexpr std::array<char, 8> kMagic = {'S', 'L', 'W', 'B', 'L', 'A', 'M', '2'};
constexpr size_t kNames = 4096;
constexpr size_t kThreads = 1024;
constexpr size_t kUidBytes = 64;

struct Page {
  std::array<char, 8> magic;
  std::atomic<uint32_t> signal;
  std::atomic<uint32_t> hit;  // the number of the revision on the thread that the signal hit
  std::array<std::atomic<uint64_t>, kThreads> running;    // what Run() makes; 0: nothing
  std::array<std::array<char, kUidBytes>, kNames> names;  // that of number N is at N - 1
};
static_assert(std::atomic<uint32_t>::is_always_lock_free);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

// The revision's number, and above it which run of the thread it is, so that a run that goes on is
// told from one after the other.
constexpr uint64_t Run(uint32_t count, uint32_t number) {
  return uint64_t{count} << 32 | number;
}
constexpr uint32_t NumberOf(uint64_t run) {
  return static_cast<uint32_t>(run);
}

// Set once, before there are other threads.
Page* page = nullptr;
// The thread's own, once it has run a revision; read by the handler of fatal signals.
constinit thread_local std::atomic<uint64_t>* own = nullptr;
constinit thread_local uint32_t runs_begun = 0;

// What nobody uses.
struct Free {
  std::vector<uint32_t> names;
  std::vector<std::atomic<uint64_t>*> threads;
};
Guarded<Free>& FreePlaces() {
  static auto* places = new Guarded<Free>();
  return *places;
}

// Gives the thread's place back when the thread ends.
class Place {
 public:
  Place() {
    own = FreePlaces().With([](Free& places) -> std::atomic<uint64_t>* {
      if (places.threads.empty()) return nullptr;
      std::atomic<uint64_t>* const last = places.threads.back();
      places.threads.pop_back();
      return last;
    });
  }
  ~Place() {
    if (own == nullptr) return;
    own->store(0, std::memory_order_relaxed);
    FreePlaces().With([](Free& places) { places.threads.push_back(own); });
    own = nullptr;
  }
};

void TakePlace() {
  static thread_local const Place place;
}

// Notes what it hit, and lets it end the process.
void Note(int number) {
  if (own != nullptr) page->hit.store(NumberOf(own->load(std::memory_order_relaxed)));
  page->signal.store(static_cast<uint32_t>(number));
  raise(number);
}

// A sanitizer's own handlers stay.
void WatchSignals() {
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    struct sigaction before{};
    sigaction(number, nullptr, &before);
    if (before.sa_handler != SIG_DFL) continue;
    struct sigaction action{};
    action.sa_handler = Note;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(number, &action, nullptr);
  }
}

std::string NameOf(const Page& dead, uint32_t number) {
  if (number == 0 || number > kNames) return {};
  const auto& name = dead.names[number - 1];
  return std::string(name.begin(), std::find(name.begin(), name.end(), '\0'));
}

// The revision of these numbers, if it is one.
std::string TheOnly(std::set<uint32_t> numbers, const Page& copy) {
  numbers.erase(0);
  return numbers.size() == 1 ? NameOf(copy, *numbers.begin()) : std::string();
}

// What the page in a file had at one moment, whole and of this format.
class PageCopy {
 public:
  static std::optional<PageCopy> Of(const std::string& path) {
    const Result<std::string> bytes = ReadWholeFile(PosixFileSystem(), path, sizeof(Page));
    if (bytes.has_error() || bytes->size() != sizeof(Page)) return std::nullopt;
    PageCopy copy;
    std::memcpy(static_cast<void*>(copy.content_.get()), bytes->data(), sizeof(Page));
    if (copy.content().magic != kMagic) return std::nullopt;
    return copy;
  }
  const Page& content() const { return *content_; }

 private:
  std::unique_ptr<Page> content_ = std::make_unique<Page>();
};

}  // namespace

Result<void> BlamePage::Open(const std::string& path) {
  CHECK(page == nullptr);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return SystemError(errno, path);
  const Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return SystemError(errno, path);
  // Its blocks are there, so that no note finds the disk full.
  if (const int problem = posix_fallocate(file.get(), 0, sizeof(Page)); problem != 0) {
    return SystemError(problem, path);
  }
  void* const memory =
      mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return SystemError(errno, path);
  auto* const made = static_cast<Page*>(memory);
  made->magic = kMagic;
  FreePlaces().With([made](Free& places) {
    for (size_t i = kNames; i > 0; --i) places.names.push_back(static_cast<uint32_t>(i));
    for (auto& thread : made->running) places.threads.push_back(&thread);
  });
  page = made;
  WatchSignals();
  return {};
}

uint32_t BlamePage::Enter(std::string_view uid) {
  if (page == nullptr || uid.empty() || uid.size() > kUidBytes) return 0;
  const uint32_t number = FreePlaces().With([](Free& places) -> uint32_t {
    if (places.names.empty()) return 0;
    const uint32_t last = places.names.back();
    places.names.pop_back();
    return last;
  });
  if (number == 0) return 0;
  auto& name = page->names[number - 1];
  name = {};
  std::copy(uid.begin(), uid.end(), name.begin());
  return number;
}

void BlamePage::Leave(uint32_t number) {
  if (number == 0) return;
  FreePlaces().With([number](Free& places) { places.names.push_back(number); });
}

BlameNote::BlameNote(uint32_t number) {
  if (number == 0) return;
  if (own == nullptr) TakePlace();
  if (own == nullptr) return;
  before_ = own->load(std::memory_order_relaxed);
  own->store(Run(++runs_begun, number), std::memory_order_relaxed);
  is_noted_ = true;
}

BlameNote::~BlameNote() {
  if (is_noted_) own->store(before_, std::memory_order_relaxed);
}

std::string TakeBlame(const std::string& path) {
  const std::optional<PageCopy> copy = PageCopy::Of(path);
  (void)unlink(path.c_str());
  if (!copy || copy->content().signal.load() == 0) return {};
  if (const uint32_t hit = copy->content().hit.load(); hit != 0)
    return NameOf(copy->content(), hit);
  std::set<uint32_t> running;
  for (const auto& thread : copy->content().running) running.insert(NumberOf(thread.load()));
  return TheOnly(running, copy->content());
}

RunsUnderWay LookAtRuns(const std::string& path) {
  RunsUnderWay runs;
  const std::optional<PageCopy> copy = PageCopy::Of(path);
  if (!copy) return runs;
  for (size_t i = 0; i < kThreads; ++i) {
    const uint64_t run = copy->content().running[i].load();
    if (NumberOf(run) != 0) runs.emplace(i, run);
  }
  return runs;
}

std::string WhoRunsSince(const std::string& path, const RunsUnderWay& before) {
  const std::optional<PageCopy> copy = PageCopy::Of(path);
  if (!copy) return {};
  std::set<uint32_t> running;
  for (const auto& [thread, run] : before) {
    if (copy->content().running[thread].load() == run) running.insert(NumberOf(run));
  }
  return TheOnly(running, copy->content());
}

}  // namespace slipway::engine
