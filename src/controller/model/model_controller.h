// The Model controller: reads the signature of a pushed model and tells it in its ModelVersion.
#pragma once

#include <memory>
#include <optional>

#include <boost/asio/any_io_executor.hpp>

#include "async/blocking_pool.h"
#include "async/task.h"
#include "model/inspect.h"
#include "oci/content_source.h"
#include "resource/resource_store.h"

namespace slipway::controller {

// phase of a ModelVersion: Ready (read, or a format without a reader), Failed (the file is not what
// it says; the condition tells at which byte). Level-triggered and restart-safe: a version is read
// again only if its status is empty.
class ModelController {
 public:
  // `executor` is one core's; the others outlive the controller. Without a scratch folder, models
  // in archives have the signature that their metadata state.
  ModelController(asio::any_io_executor executor, resource::ResourceStore& store,
                  oci::ContentSource& content, BlockingPool& blocking,
                  std::optional<model::Scratch> scratch = std::nullopt);
  ~ModelController();

  void Start();
  Task<void> Stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slipway::controller
