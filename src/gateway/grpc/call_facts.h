// CallFacts: what traffic rules may ask of a ModelInfer call.
#pragma once

#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/grpc/infer_reader.h"
#include "net/grpc_call.h"
#include "routing/request_facts.h"

namespace slipway::gateway::grpc {

// Metadata are headers, the request's parameters and id its body, the path is that of the method.
// Costs nothing until it is asked. `reader` has opened the call's message.
class CallFacts final : public routing::RequestFacts {
 public:
  CallFacts(const net::GrpcCall& call, const InferReader& reader) : call_(call), reader_(reader) {}

  std::optional<std::string_view> Header(std::string_view name) override;
  std::optional<std::string_view> Path() override { return call_.path(); }
  std::optional<std::string_view> Query(std::string_view) override { return std::nullopt; }
  std::optional<std::string_view> Body(const routing::BodyField& field) override;

 private:
  std::optional<std::string_view> Find(const routing::BodyField& field);

  const net::GrpcCall& call_;
  const InferReader& reader_;
  std::forward_list<std::string> kept_;  // numbers as texts
  // What was asked, by pointer, so that each is looked for once.
  std::vector<std::pair<std::string_view, std::optional<std::string_view>>> found_;
};

}  // namespace slipway::gateway::grpc
