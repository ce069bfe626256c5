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

// Blocking.
Result<model::ModelDescription> Inspect(oci::ContentSource& content, const std::string& digest,
                                        const std::optional<model::Scratch>& scratch) {
  TRY(manifest_digest, Digest::Parse(digest));
  TRY(bytes, oci::ReadContent(content, manifest_digest, oci::kMaxManifestBytes));
  TRY(manifest, oci::ParseManifest(bytes));
  return model::InspectManifest(content, manifest, scratch);
}

// What the model file says counts; where it says nothing, what the author states.
void AddSignature(const model::ModelDescription& described, ModelVersionStatus& status,
                  resource::Condition& condition) {
  const auto& stated = described.metadata.metadata.signature;
  if (described.signature) {
    status.inputs = model::SpecsOf(described.signature->inputs);
    status.outputs = model::SpecsOf(described.signature->outputs);
  } else if (stated) {
    status.inputs = model::SpecsOf(stated->inputs);
    status.outputs = model::SpecsOf(stated->outputs);
    condition.reason = "STATED";
    condition.message = "inputs and outputs are as the metadata state them";
  } else {
    condition.reason = "NO_SIGNATURE";
    condition.message = "inputs and outputs of this format cannot be read";
  }
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
    AddSignature(*inspected, status, condition);
    const model::FoundMetadata& metadata = inspected->metadata;
    if (!metadata.source.empty()) status.metadata = model::Summarise(metadata);
    if (!metadata.problem.empty()) {
      status.conditions.push_back({.type = "MetadataRead",
                                   .status = "False",
                                   .reason = "METADATA_INVALID",
                                   .message = metadata.problem,
                                   .changed_at = ""});
    }
  }
  status.conditions.insert(status.conditions.begin(), std::move(condition));
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
        oci::ContentSource& source, BlockingPool& pool, std::optional<model::Scratch> folder)
      : store(resources),
        content(source),
        blocking(pool),
        scratch(std::move(folder)),
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
    const auto inspected = co_await blocking.Run(
        [this, &spec] { return Inspect(content, spec.manifest_digest, scratch); });
    if (!inspected.has_value() && MayPass(inspected.error())) co_return inspected.error();
    ModelVersionStatus status = StatusOf(inspected, found->metadata.generation);
    if (!inspected.has_value()) {
      // What was told when it was pushed stays.
      auto before = Decode<ModelVersionStatus>(found->status, "status", UnknownFields::kIgnore);
      if (before.has_value()) status.metadata = std::move(before->metadata);
    }
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
  const std::optional<model::Scratch> scratch;
  Reconciler reconciler;
};

ModelController::ModelController(asio::any_io_executor executor, resource::ResourceStore& store,
                                 oci::ContentSource& content, BlockingPool& blocking,
                                 std::optional<model::Scratch> scratch)
    : state_(std::make_shared<State>(std::move(executor), store, content, blocking,
                                     std::move(scratch))) {}

ModelController::~ModelController() = default;

void ModelController::Start() {
  state_->reconciler.Start();
}

Task<void> ModelController::Stop() {
  return state_->reconciler.Stop();
}

}  // namespace slipway::controller
