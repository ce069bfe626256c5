#include "controller/model/model_controller.h"

#include <nlohmann/json.hpp>

#include "controller/reconciler.h"
#include "model/inspect.h"
#include "oci/limits.h"
#include "resource/kinds/model.h"

namespace slipway::controller {
namespace {

using resource::Key;
using resource::ModelVersionSpec;
using resource::ModelVersionStatus;
using resource::Resource;

std::vector<resource::TensorSpec> SpecsOf(const std::vector<tensor::TensorSpec>& from) {
  std::vector<resource::TensorSpec> specs;
  for (const tensor::TensorSpec& spec : from) {
    specs.push_back({.name = spec.name,
                     .datatype = std::string(tensor::DataTypeName(spec.type)),
                     .shape = {spec.shape.dims().begin(), spec.shape.dims().end()}});
  }
  return specs;
}

// Blocking.
Result<model::ModelDescription> Inspect(oci::ContentSource& content, const std::string& digest) {
  TRY(manifest_digest, Digest::Parse(digest));
  TRY(bytes, oci::ReadContent(content, manifest_digest, oci::kMaxManifestBytes));
  TRY(manifest, oci::ParseManifest(bytes));
  return model::InspectManifest(content, manifest);
}

ModelVersionStatus StatusOf(const Result<model::ModelDescription>& inspected, uint64_t generation) {
  ModelVersionStatus status;
  status.observed_generation = generation;
  resource::Condition condition{
      .type = "Inspected", .status = "True", .reason = "READ", .message = "", .changed_at = ""};
  if (!inspected.has_value()) {
    status.phase = "Failed";
    condition.status = "False";
    condition.reason = inspected.error().reason();
    condition.message = inspected.error().message();
  } else {
    status.phase = "Ready";
    if (inspected->signature) {
      status.inputs = SpecsOf(inspected->signature->inputs);
      status.outputs = SpecsOf(inspected->signature->outputs);
    } else {
      condition.reason = "NO_SIGNATURE";
      condition.message = "inputs and outputs of this format cannot be read";
    }
  }
  status.conditions = {std::move(condition)};
  return status;
}

// What may go well at the next try, as opposed to a file that is not what it says.
bool MayPass(const Error& error) {
  return error.code() == Code::kInternal || error.code() == Code::kUnavailable ||
         error.code() == Code::kResourceExhausted;
}

}  // namespace

struct ModelController::State {
  State(asio::any_io_executor executor, resource::ResourceStore& resources,
        oci::ContentSource& source, BlockingPool& pool)
      : store(resources),
        content(source),
        blocking(pool),
        reconciler(std::move(executor), resources,
                   {.name = "controller.model",
                    .reconcile = [this](Key key) { return Reconcile(std::move(key)); }}) {
    reconciler.Watch("ModelVersion", [](const resource::WatchEvent& event) {
      const Resource& version = event.resource;
      const bool done =
          event.type == resource::EventType::kDeleted || !version.status.value("phase", "").empty();
      return done ? std::nullopt : std::optional<Key>(resource::KeyOf(version));
    });
  }

  Task<Result<void>> Reconcile(Key key) {
    auto found = co_await store.Get(key);
    if (!found.has_value()) {
      if (found.error().code() == Code::kNotFound) co_return Result<void>();
      co_return found.error();
    }
    CO_TRY(spec, Decode<ModelVersionSpec>(found->spec, "spec", UnknownFields::kIgnore));
    const auto inspected =
        co_await blocking.Run([this, &spec] { return Inspect(content, spec.manifest_digest); });
    if (!inspected.has_value() && MayPass(inspected.error())) co_return inspected.error();
    const ModelVersionStatus status = StatusOf(inspected, found->metadata.generation);
    auto updated =
        co_await store.UpdateStatus(CallContext::System("controller.model"), key, Encode(status));
    // Deleted meanwhile: nothing is left to be told.
    if (!updated.has_value() && updated.error().code() != Code::kNotFound) {
      co_return updated.error();
    }
    co_return Result<void>();
  }

  resource::ResourceStore& store;
  oci::ContentSource& content;
  BlockingPool& blocking;
  Reconciler reconciler;
};

ModelController::ModelController(asio::any_io_executor executor, resource::ResourceStore& store,
                                 oci::ContentSource& content, BlockingPool& blocking)
    : state_(std::make_shared<State>(std::move(executor), store, content, blocking)) {}

ModelController::~ModelController() = default;

void ModelController::Start() {
  state_->reconciler.Start();
}

Task<void> ModelController::Stop() {
  return state_->reconciler.Stop();
}

}  // namespace slipway::controller
