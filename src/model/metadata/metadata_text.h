// What the fields of Metadata mean, and their limits. Included by metadata.h.
#pragma once

#include "model/metadata/metadata.h"

template <>
struct slipway::Description<slipway::model::Metric> {
  static constexpr std::string_view kText = "One figure that was measured.";
  static constexpr FieldText kFields[] = {
      {.name = "name", .text = "Its name.", .required = true, .min = 1, .max = 256},
      {.name = "value", .text = "A number, a text, or true or false.", .required = true},
      {.name = "dataset", .text = "Name of the data set it was measured on.", .max = 256},
      {.name = "dataset_digest", .text = "Digest of that data set.", .format = "digest"},
  };
};

template <>
struct slipway::Description<slipway::model::HyperParameter> {
  static constexpr std::string_view kText = "One setting of the training.";
  static constexpr FieldText kFields[] = {
      {.name = "name", .text = "Its name.", .required = true, .min = 1, .max = 256},
      {.name = "value", .text = "A number, a text, or true or false.", .required = true},
  };
};

template <>
struct slipway::Description<slipway::model::GitSource> {
  static constexpr std::string_view kText = "A place in a Git repository.";
  static constexpr FieldText kFields[] = {
      {.name = "repository", .text = "Where it is cloned from.", .max = 2048},
      {.name = "revision", .text = "Commit, tag or branch.", .max = 256},
  };
};

template <>
struct slipway::Description<slipway::model::Training> {
  static constexpr std::string_view kText = "How the model was trained.";
  static constexpr FieldText kFields[] = {
      {.name = "git", .text = "The training code."},
      {.name = "urls", .text = "Pages about the training, such as a run's.", .max = 64},
      {.name = "command", .text = "What was run.", .max = 8192},
      {.name = "started_at", .text = "When it began, RFC 3339.", .format = "date-time"},
      {.name = "finished_at", .text = "When it ended, RFC 3339.", .format = "date-time"},
  };
};

template <>
struct slipway::Description<slipway::model::DataSet> {
  static constexpr std::string_view kText = "Data that the model was trained or measured with.";
  static constexpr FieldText kFields[] = {
      {.name = "name", .text = "Its name.", .max = 256},
      {.name = "description", .text = "What it holds.", .max = 8192},
      {.name = "version", .text = "Its version.", .max = 256},
      {.name = "license", .text = "SPDX expression of its licence.", .max = 256},
      {.name = "digest", .text = "Digest of its content.", .format = "digest"},
      {.name = "git", .text = "Where it is kept in Git."},
      {.name = "urls", .text = "Where else it is.", .max = 64},
  };
};

template <>
struct slipway::Description<slipway::model::Parent> {
  static constexpr std::string_view kText = "A model that this one was made from.";
  static constexpr FieldText kFields[] = {
      {.name = "reference", .text = "Its name in a registry.", .max = 512},
      {.name = "digest", .text = "Digest of its manifest.", .format = "digest"},
      {.name = "relation", .text = "What was done: fine-tuned, quantised, converted.", .max = 64},
  };
};

template <>
struct slipway::Description<slipway::model::StatedTensor> {
  static constexpr std::string_view kText = "An input or output, as the author states it.";
  static constexpr FieldText kFields[] = {
      {.name = "name", .text = "Its name in the model.", .max = 1024},
      {.name = "dtype", .text = "Its element type, such as float32.", .max = 64},
      {.name = "shape", .text = "Its dimensions; -1: any.", .max = 32},
      {.name = "op_type", .text = "PMML: continuous, categorical or ordinal.", .max = 64},
      {.name = "values", .text = "The values that it may have.", .max = 4096},
      {.name = "description", .text = "What it means.", .max = 4096},
  };
};

template <>
struct slipway::Description<slipway::model::StatedSignature> {
  static constexpr std::string_view kText = "What the model takes and gives.";
  static constexpr FieldText kFields[] = {
      {.name = "inputs", .text = "What it takes.", .max = 1024},
      {.name = "outputs", .text = "What it gives.", .max = 1024},
      {.name = "layers", .text = "How many operators of each kind it has.", .max = 4096},
  };
};

template <>
struct slipway::Description<slipway::model::Capabilities> {
  static constexpr std::string_view kText = "What the model can do, as ModelPack puts it.";
  static constexpr FieldText kFields[] = {
      {.name = "input_types", .text = "text, image, audio, video, embedding, other.", .max = 16},
      {.name = "output_types", .text = "text, image, audio, video, embedding, other.", .max = 16},
      {.name = "knowledge_cutoff",
       .text = "Until when its knowledge goes, RFC 3339.",
       .format = "date-time"},
      {.name = "reasoning", .text = "Whether it reasons."},
      {.name = "tool_usage", .text = "Whether it uses tools."},
      {.name = "reward", .text = "Whether it is a reward model."},
      {.name = "languages", .text = "ISO 639 codes of languages.", .max = 256},
  };
};

template <>
struct slipway::Description<slipway::model::Metadata> {
  static constexpr std::string_view kText = "What is to be known of a model.";
  static constexpr FieldText kFields[] = {
      {.name = "api_version", .text = "slipway/v1.", .max = 64},
      {.name = "kind", .text = "ModelMetadata.", .max = 64},
      {.name = "name", .text = "The model's name.", .max = 256},
      {.name = "title", .text = "Its title for people.", .max = 1024},
      {.name = "description", .text = "What it is for.", .max = 65536},
      {.name = "version", .text = "Its version, in the author's numbering.", .max = 256},
      {.name = "family", .text = "The family of models that it belongs to.", .max = 256},
      {.name = "authors", .text = "Who made it.", .max = 256},
      {.name = "vendor", .text = "Who gives it out.", .max = 256},
      {.name = "licenses", .text = "SPDX expressions of its licences.", .max = 64},
      {.name = "created_at", .text = "When it was made, RFC 3339.", .format = "date-time"},
      {.name = "revision", .text = "Revision of its source.", .max = 256},
      {.name = "doc_url", .text = "Its documentation.", .max = 2048},
      {.name = "source_url", .text = "Its source.", .max = 2048},
      {.name = "readme",
       .text = "Path of the README in the package; README.md if it is not stated.",
       .max = 1024,
       .format = "file-path"},
      {.name = "framework", .text = "What it was trained with.", .max = 256},
      {.name = "format", .text = "Format of its files, such as onnx.", .max = 64},
      {.name = "architecture", .text = "Its architecture, such as transformer.", .max = 256},
      {.name = "param_size", .text = "Number of its parameters, such as 6.7B.", .max = 64},
      {.name = "precision", .text = "Number format of its weights.", .max = 64},
      {.name = "quantization", .text = "How its weights are quantised.", .max = 64},
      {.name = "gpu_type", .text = "GPU that it was built for (TensorRT).", .max = 256},
      {.name = "capabilities", .text = "What it can do."},
      {.name = "metrics", .text = "Figures in named groups, such as training.", .max = 256},
      {.name = "hyper_parameters", .text = "Settings of its training.", .max = 4096},
      {.name = "training", .text = "How it was trained."},
      {.name = "datasets", .text = "Data that it was trained or measured with.", .max = 256},
      {.name = "parents", .text = "Models that it was made from.", .max = 64},
      {.name = "tags", .text = "Words to find it by.", .max = 256},
      {.name = "labels", .text = "Values to find it by.", .max = 256},
      {.name = "signature", .text = "What it takes and gives."},
      {.name = "extensions", .text = "What other programs say of it, by their names.", .max = 64},
  };
};
