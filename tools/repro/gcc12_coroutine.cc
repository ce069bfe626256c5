// Why g++ 12 is not supported: an aggregate with default member initializers, built with designated
// initializers as a by-value argument of an awaited call, is destroyed twice.
//
//   g++-12     -std=c++20 -O2 tools/repro/gcc12_coroutine.cc -o /tmp/repro && /tmp/repro  # aborts
//   clang++-19 -std=c++20 -O2 tools/repro/gcc12_coroutine.cc -o /tmp/repro && /tmp/repro  # "ok"
//
// A second defect of the same compiler, an internal error on `co_await` inside a statement
// expression, is why CO_TRY(name, expr) declares a variable instead of having a value.

#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace {

struct Task {
  struct promise_type {
    Task get_return_object() {
      return Task{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::abort(); }
  };

  explicit Task(std::coroutine_handle<promise_type> handle) : handle(handle) {}
  Task(Task&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle) handle.destroy();
  }

  bool await_ready() const noexcept { return handle.done(); }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const noexcept {}

  std::coroutine_handle<promise_type> handle;
};

struct Options {
  std::string a;
  std::string b;
};

Task Take(Options options) {
  if (options.a.size() + options.b.size() != 80) std::abort();
  co_return;
}

Task Run() {
  // Longer than the small-string buffer, so that a second destruction frees memory twice.
  co_await Take(Options{.a = std::string(40, 'a'), .b = std::string(40, 'b')});
}

}  // namespace

int main() {
  Task task = Run();
  std::puts("ok");
}
