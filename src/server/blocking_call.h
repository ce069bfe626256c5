// From plain code into coroutines: main threads only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "async/task.h"

namespace slipway::server {

// Runs the task on the executor and blocks until it ended. Never call it on that executor's thread.
template <class T>
T BlockOn(asio::any_io_executor executor, Task<T> task) {
  return asio::co_spawn(std::move(executor), std::move(task), asio::use_future).get();
}

}  // namespace slipway::server
