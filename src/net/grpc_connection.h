// GrpcConnection: carries the bytes of one GrpcSession; one coroutine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "net/grpc_session.h"
#include "net/poller.h"
#include "net/served_connection.h"

namespace slipway::net {

class GrpcConnection final : public ServedConnection,
                             private PolledSocket::Observer,
                             private GrpcCarrier {
 public:
  GrpcConnection(ConnectionEnvironment& environment, Poller& poller, int descriptor,
                 ConnectionOrigin origin, asio::any_io_executor executor);
  ~GrpcConnection() override;

  Task<void> Run() override;
  void OnTick() override;
  void Abort() override;

 private:
  enum class Input : uint8_t { kMore, kNone, kEnded };

  void OnPeerClosed() override {}
  void OnWritable() override { OnOutput(); }
  void OnOutput() override;
  void OnTaskEnd() override;

  Task<bool> Handshake();
  Task<void> Serve();
  // Takes what is there, up to a turn's share.
  Input Read();
  // Writes what there is to write: false if the connection is of no more use.
  bool Flush();
  bool WritePending();
  void RefusePlainHttp(const std::string& text);
  Task<void> Linger();

  ConnectionEnvironment& environment_;
  const ConnectionOrigin origin_;
  const asio::any_io_executor executor_;
  PolledSocket socket_;
  std::unique_ptr<Transport> transport_;
  GrpcSession session_;
  // nullptr in it once the connection is gone, for a flush that is on its way.
  const std::shared_ptr<GrpcConnection*> self_;
  int64_t since_ms_;  // when the handshake began, output made progress, or the end began
  bool shaking_hands_ = true;
  bool serving_ = false;
  bool flush_posted_ = false;
  bool blocked_ = false;  // output waits for the socket
  bool aborted_ = false;
  bool broken_ = false;
};

}  // namespace slipway::net
