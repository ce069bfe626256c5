// Task: the coroutine type of the whole program. Kept to the smallest include there is.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace slipway {

namespace asio = boost::asio;

// Started by TaskGroup::Start, or awaited at once. No reference parameters unless awaited at once,
// no capturing-lambda coroutine, no lock held over co_await.
template <class T = void>
using Task = asio::awaitable<T>;

}  // namespace slipway
