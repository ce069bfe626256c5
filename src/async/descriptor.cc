#include "async/descriptor.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace slipway {
namespace {

Error Cancelled() {
  return Error(Code::kCancelled, "WAIT_CANCELLED", "The wait for a descriptor was cancelled");
}

Task<Result<void>> WaitFor(int number, asio::posix::descriptor_base::wait_type type) {
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) co_return Cancelled();
  asio::posix::stream_descriptor descriptor(co_await asio::this_coro::executor);
  boost::system::error_code failure;
  static_cast<void>(descriptor.assign(number, failure));
  if (failure) co_return SystemError(failure.value(), "cannot wait for a descriptor");
  co_await descriptor.async_wait(type, asio::redirect_error(asio::use_awaitable, failure));
  static_cast<void>(descriptor.release());
  if (failure == asio::error::operation_aborted) co_return Cancelled();
  if (failure) co_return SystemError(failure.value(), "cannot wait for a descriptor");
  co_return Result<void>();
}

}  // namespace

Task<Result<void>> WaitReadable(int descriptor) {
  return WaitFor(descriptor, asio::posix::descriptor_base::wait_read);
}

Task<Result<void>> WaitWritable(int descriptor) {
  return WaitFor(descriptor, asio::posix::descriptor_base::wait_write);
}

}  // namespace slipway
