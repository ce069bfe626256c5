#include "async/testing/run.h"

#include <exception>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

namespace slipway {
namespace {

Task<void> WithoutThrowing(Task<void> task) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await std::move(task);
}

}  // namespace

void RunToEnd(Task<void> task) {
  asio::io_context context(1);
  asio::co_spawn(context, WithoutThrowing(std::move(task)), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
  context.run();
}

}  // namespace slipway
