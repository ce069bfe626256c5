#include "gateway/ensemble/ensemble_plan.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "gateway/limits.h"
#include "gateway/model_config/describe.h"

namespace slipway::gateway {
namespace {

Error Wrong(const std::string& path, const std::string& what) {
  return InvalidArgument("ENSEMBLE_CONFIG", path + ": " + what).With("field", path);
}

std::string TextOf(const Json& message, std::string_view member) {
  const auto found = message.find(member);
  return found == message.end() ? std::string() : found->get<std::string>();
}

std::string MapPath(size_t step, std::string_view map, const std::string& key) {
  return StepPath(step, std::string(map) + "['" + key + "']");
}

// One of `input` or `output`, with the batch dimension in front where there is one.
Result<tensor::TensorSpec> ReadSpec(const Json& given, const std::string& path, bool has_batch) {
  tensor::TensorSpec spec{.name = TextOf(given, "name")};
  const std::string type = TextOf(given, "data_type");
  const auto known = model_config::ParseTypeName(type);
  if (!known) {
    return Wrong(path + ".data_type",
                 "an ensemble names the type of each of its tensors, such as "
                 "TYPE_FP32; got '" +
                     type + "'");
  }
  spec.type = *known;
  if (!given.contains("dims") || given["dims"].empty()) {
    return Wrong(path + ".dims", "an ensemble names the dimensions of each of its tensors");
  }
  bool fits = !has_batch || spec.shape.Append(tensor::Shape::kAny);
  for (const Json& dim : given["dims"]) fits = fits && spec.shape.Append(dim.get<int64_t>());
  if (!fits) {
    return Wrong(path + ".dims",
                 "a tensor has at most " + std::to_string(tensor::kMaxRank) + " dimensions");
  }
  return spec;
}

Result<std::vector<tensor::TensorSpec>> ReadSpecs(const Json& config, const std::string& list,
                                                  bool has_batch) {
  std::vector<tensor::TensorSpec> specs;
  const auto tensors = config.find(list);
  const size_t count = tensors == config.end() ? 0 : tensors->size();
  if (count == 0) return Wrong(list, "an ensemble names its tensors: there must be at least one");
  for (size_t i = 0; i < count; ++i) {
    TRY(spec, ReadSpec((*tensors)[i], list + "[" + std::to_string(i) + "]", has_batch));
    specs.push_back(std::move(spec));
  }
  return specs;
}

// Builds the plan, step by step.
class Reader {
 public:
  Result<EnsemblePlan> Read(const Json& config) {
    TRY_VOID(ReadSignature(config));
    const Json scheduling = config.value("ensemble_scheduling", Json::object());
    const Json steps = scheduling.value("step", Json::array());
    if (steps.empty()) {
      return Wrong("ensemble_scheduling.step", "an ensemble has at least one step");
    }
    if (steps.size() > kMaxEnsembleRuns) {
      return ResourceExhausted("ENSEMBLE_TOO_LARGE", "ensemble_scheduling.step: at most " +
                                                         std::to_string(kMaxEnsembleRuns) +
                                                         " steps, got " +
                                                         std::to_string(steps.size()));
    }
    // What is written is known before anything is read: steps may come in any order.
    for (const Json& step : steps) TRY_VOID(ReadHead(step));
    for (size_t i = 0; i < steps.size(); ++i) TRY_VOID(ReadOutputs(i, steps[i]["output_map"]));
    for (size_t i = 0; i < steps.size(); ++i) TRY_VOID(ReadInputs(i, steps[i]["input_map"]));
    TRY_VOID(FindOutputs());
    TRY_VOID(CheckNoCircle());
    return std::move(plan_);
  }

 private:
  Result<void> ReadSignature(const Json& config) {
    const int64_t batch = config.value("max_batch_size", int64_t{0});
    plan_.max_batch_size = static_cast<uint64_t>(std::max<int64_t>(batch, 0));
    TRY(inputs, ReadSpecs(config, "input", batch > 0));
    TRY(outputs, ReadSpecs(config, "output", batch > 0));
    plan_.signature = {.inputs = std::move(inputs), .outputs = std::move(outputs)};
    TRY_VOID(tensor::CheckSignature(plan_.signature));
    for (size_t i = 0; i < plan_.signature.inputs.size(); ++i) {
      Add(plan_.signature.inputs[i].name, std::nullopt, i);
    }
    return {};
  }

  void Add(const std::string& name, std::optional<size_t> step, size_t position) {
    known_[name] = plan_.tensors.size();
    plan_.tensors.push_back({.name = name, .step = step, .position = position, .readers = {}});
  }

  Result<void> ReadHead(const Json& given) {
    const size_t at = plan_.steps.size();
    EnsembleStep step{.model = TextOf(given, "model_name")};
    if (step.model.empty()) return Wrong(StepPath(at, "model_name"), "a step names its model");
    const int64_t version = given.value("model_version", int64_t{-1});
    if (version < -1) {
      return Wrong(StepPath(at, "model_version"),
                   "-1 for the latest, or a version from 1; got " + std::to_string(version));
    }
    // What a text leaves out is 0 to protobuf.
    if (version > 0) step.version = std::to_string(version);
    if (!TextOf(given, "model_namespace").empty()) {
      return Unimplemented(
          "CONFIG_UNSUPPORTED",
          StepPath(at, "model_namespace") + ": name spaces of models are not served: leave it out");
    }
    for (const char* map : {"input_map", "output_map"}) {
      if (given.contains(map) && !given[map].empty()) continue;
      return Wrong(StepPath(at, map),
                   "a step maps at least one tensor of '" + step.model + "' to the ensemble's");
    }
    plan_.steps.push_back(std::move(step));
    return {};
  }

  Result<void> ReadOutputs(size_t at, const Json& map) {
    EnsembleStep& step = plan_.steps[at];
    for (const auto& [output, value] : map.items()) {
      const auto name = value.get<std::string>();
      const auto known = known_.find(name);
      if (name.empty()) {
        return Wrong(MapPath(at, "output_map", output), "the ensemble's tensor has no name");
      }
      if (known != known_.end()) {
        const std::optional<size_t> other = plan_.tensors[known->second].step;
        return Wrong(MapPath(at, "output_map", output),
                     "the tensor '" + name + "' comes from " +
                         (other ? StepPath(*other) : "the ensemble's input of that name") +
                         " already: each tensor has one origin");
      }
      Add(name, at, step.outputs.size());
      step.outputs.push_back({.name = output, .tensor = plan_.tensors.size() - 1});
    }
    return {};
  }

  Result<void> ReadInputs(size_t at, const Json& map) {
    EnsembleStep& step = plan_.steps[at];
    for (const auto& [input, value] : map.items()) {
      const auto name = value.get<std::string>();
      const auto known = known_.find(name);
      if (known == known_.end()) {
        return Wrong(MapPath(at, "input_map", input),
                     "no step gives the tensor '" + name + "', and the ensemble has no such input");
      }
      plan_.tensors[known->second].readers.push_back(at);
      step.inputs.push_back({.name = input, .tensor = known->second});
    }
    return {};
  }

  Result<void> FindOutputs() {
    for (size_t i = 0; i < plan_.signature.outputs.size(); ++i) {
      const std::string& name = plan_.signature.outputs[i].name;
      const auto known = known_.find(name);
      if (known == known_.end() || !plan_.tensors[known->second].step) {
        return Wrong("output[" + std::to_string(i) + "].name",
                     "no step gives the tensor '" + name + "'");
      }
      plan_.outputs.push_back(known->second);
    }
    return {};
  }

  // Takes away whatever can run, again and again: what is left waits for itself.
  Result<void> CheckNoCircle() const {
    std::vector<size_t> waits(plan_.steps.size());
    for (const EnsembleTensor& tensor : plan_.tensors) {
      for (const size_t reader : tensor.readers) waits[reader] += tensor.step ? 1 : 0;
    }
    std::vector<size_t> ready;
    for (size_t i = 0; i < waits.size(); ++i) {
      if (waits[i] == 0) ready.push_back(i);
    }
    size_t ran = 0;
    for (; ran < ready.size(); ++ran) {
      for (const EnsembleStep::Link& output : plan_.steps[ready[ran]].outputs) {
        for (const size_t reader : plan_.tensors[output.tensor].readers) {
          if (--waits[reader] == 0) ready.push_back(reader);
        }
      }
    }
    if (ran == waits.size()) return {};
    return Circle(waits);
  }

  // From a step that waits on to one that it waits for, until one comes for the second time.
  Error Circle(const std::vector<size_t>& waits) const {
    auto at = static_cast<size_t>(
        std::find_if(waits.begin(), waits.end(), [](size_t count) { return count > 0; }) -
        waits.begin());
    std::vector<size_t> way;
    std::string path;
    while (std::find(way.begin(), way.end(), at) == way.end()) {
      way.push_back(at);
      for (const EnsembleStep::Link& input : plan_.steps[at].inputs) {
        const std::optional<size_t> origin = plan_.tensors[input.tensor].step;
        if (!origin || waits[*origin] == 0) continue;
        path = MapPath(at, "input_map", input.name);
        at = *origin;
        break;
      }
    }
    std::string words;
    for (auto step = std::find(way.begin(), way.end(), at); step != way.end(); ++step) {
      words +=
          "step[" + std::to_string(*step) + "] ('" + plan_.steps[*step].model + "') waits for ";
    }
    return Wrong(path, words + "step[" + std::to_string(at) + "]: a circle, which never begins");
  }

  EnsemblePlan plan_;
  std::unordered_map<std::string, size_t> known_;
};

}  // namespace

std::string StepPath(size_t step, std::string_view member) {
  std::string path = "ensemble_scheduling.step[" + std::to_string(step) + "]";
  if (!member.empty()) path += "." + std::string(member);
  return path;
}

Result<EnsemblePlan> ReadEnsemblePlan(const Json& config) {
  return Reader().Read(config);
}

}  // namespace slipway::gateway
