#include "resource/kinds/model_search.h"

namespace slipway::resource {
namespace {

using Shape = SearchShape;
using Type = SearchType;

constexpr SearchField kFields[] = {
    {"name", Type::kText, Shape::kValue, "metadata.name", "name of the ModelVersion"},
    {"model", Type::kText, Shape::kValue, "metadata.labels.model", "name of the Model"},
    {"repository", Type::kText, Shape::kValue, "spec.repository", "PROJECT/NAME in the registry"},
    {"tag", Type::kText, Shape::kValue, kTagsPart, "tags that point at it"},
    {"digest", Type::kText, Shape::kValue, "spec.manifestDigest", "digest of its manifest"},
    {"format", Type::kText, Shape::kValue, "spec.format", "as its files show it"},
    {"size", Type::kBytes, Shape::kValue, "spec.sizeBytes", "bytes of all its layers"},
    {"artifactType", Type::kText, Shape::kValue, "spec.artifactType", "of its manifest"},
    {"createdAt", Type::kTime, Shape::kValue, "metadata.createdAt", "when it was pushed"},
    {"createdBy", Type::kText, Shape::kValue, "metadata.createdBy", "who pushed it"},
    {"phase", Type::kText, Shape::kValue, "status.phase", "Ready or Failed"},
    {"inputs.name", Type::kText, Shape::kValue, "status.inputs.name", "names of its inputs"},
    {"inputs.datatype", Type::kText, Shape::kValue, "status.inputs.datatype", "FP32, INT64 ..."},
    {"outputs.name", Type::kText, Shape::kValue, "status.outputs.name", "names of its outputs"},
    {"outputs.datatype", Type::kText, Shape::kValue, "status.outputs.datatype", "FP32, INT64 ..."},
    {"title", Type::kText, Shape::kValue, "status.metadata.title", "its title"},
    {"description", Type::kText, Shape::kValue, "status.metadata.description", "what it is for"},
    {"version", Type::kText, Shape::kValue, "status.metadata.version", "in its author's numbering"},
    {"vendor", Type::kText, Shape::kValue, "status.metadata.vendor", "who gives it out"},
    {"authors", Type::kText, Shape::kValue, "status.metadata.authors", "who made it"},
    {"licenses", Type::kText, Shape::kValue, "status.metadata.licenses", "SPDX expressions"},
    {"framework", Type::kText, Shape::kValue, "status.metadata.framework", "what trained it"},
    {"metrics", Type::kAny, Shape::kGrouped, "status.metadata.metrics", "figures"},
    {"hyperParameters", Type::kAny, Shape::kNamed, "status.metadata.hyperParameters",
     "settings of its training"},
    {"labels", Type::kAny, Shape::kKeyed, "status.metadata.labels", "its author's labels"},
    {"datasets", Type::kText, Shape::kValue, "status.metadata.datasets", "names of data sets"},
    {"datasets.digest", Type::kText, Shape::kValue, "status.metadata.datasetDigests",
     "digests of data sets"},
    {"parents.reference", Type::kText, Shape::kValue, "status.metadata.parents.reference",
     "what it was made from"},
    {"parents.digest", Type::kText, Shape::kValue, "status.metadata.parents.digest",
     "what it was made from"},
    {"parents.relation", Type::kText, Shape::kValue, "status.metadata.parents.relation",
     "fine-tuned, quantised ..."},
    {"metadata.name", Type::kText, Shape::kValue, "status.metadata.name", "as its author calls it"},
    {"metadata.tags", Type::kText, Shape::kValue, "status.metadata.tags", "its author's words"},
    {"metadata.format", Type::kText, Shape::kValue, "status.metadata.format",
     "as its author states it"},
    {"metadata.createdAt", Type::kTime, Shape::kValue, "status.metadata.createdAt",
     "when its author made it"},
    {"metadata.source", Type::kText, Shape::kValue, "status.metadata.source",
     "the file that says all this"},
};

}  // namespace

std::span<const SearchField> ModelVersionSearch() {
  return kFields;
}

}  // namespace slipway::resource
