#include "gateway/v2/request_parser.h"

#include <algorithm>
#include <vector>

#include "gateway/limits.h"
#include "gateway/v2/json_check.h"
#include "gateway/v2/json_reader.h"
#include "gateway/v2/tensor_data.h"
#include "runtime/limits.h"

namespace slipway::gateway::v2 {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;

// simdjson keeps about five bytes for each byte of the largest document: after a large one it
// starts again.
constexpr size_t kKeepDocumentBytes = 1 << 20;

Error Missing(std::string_view member, std::string_view of) {
  return MemberFault(member, "attempt to access non-existing object member '" +
                                 std::string(member) + "'" + std::string(of));
}

Error Repeated(std::string_view member) {
  return MemberFault(member, "the member is there more than once");
}

Error NoBinary(std::string_view input) {
  return Unimplemented("BINARY_UNSUPPORTED",
                       "input '" + std::string(input) +
                           "' is sent as binary data, which this server does not take: send 'data' "
                           "in the JSON (with tritonclient: binary_data=False)");
}

// One input object while it is read. The views live as long as the parser's document.
struct Input {
  std::optional<std::string_view> name;
  std::optional<std::string_view> datatype;
  std::optional<Shape> shape;
  std::optional<size_t> position;  // in the signature, once name, datatype and shape are checked
  std::string_view deferred;       // JSON of `data` that came before the other members
  bool has_data = false;
  bool binary = false;
};

class Reader {
 public:
  Reader(std::string_view body, const ModelFace& model, ondemand::parser& second,
         std::vector<uint8_t>& seen, InferRequest& out)
      : body_(body), place_(body), model_(model), second_(second), seen_(seen), out_(out) {
    out_.id.reset();
    out_.timeout.reset();
    out_.inputs.resize(model.signature.inputs.size());
    out_.wanted.clear();
    seen_.assign(model.signature.inputs.size(), 0);
  }

  Result<void> Request(ondemand::document& document) {
    ondemand::object root;
    if (document.get_object().get(root) != simdjson::SUCCESS) {
      return SyntaxFault("the request must be a JSON object", 1);
    }
    MemberLoop loop(root, place_);
    while (loop.Next()) TRY_VOID(Member(loop.key(), loop.value()));
    TRY_VOID(loop.End());
    const char* rest = nullptr;  // there is none at the end of the body
    if (document.current_location().get(rest) == simdjson::SUCCESS) {
      return SyntaxFault("The document root must not be followed by other values",
                         place_.Byte(rest));
    }
    return Complete();
  }

 private:
  Result<void> Member(std::string_view key, ondemand::value& value) {
    if (key == "inputs") return Inputs(value);
    if (key == "id") return Id(value);
    if (key == "outputs") return Outputs(value);
    if (key == "parameters") return Parameters(value);
    return Skip(value, 1, place_);
  }

  Result<void> Id(ondemand::value& value) {
    if (out_.id) return Repeated("id");
    TRY(id, AsString(value, "id"));
    if (id.size() > kMaxIdBytes) {
      return MemberFault("id", "longer than " + std::to_string(kMaxIdBytes) + " bytes");
    }
    out_.id = id;
    return {};
  }

  Result<void> Parameters(ondemand::value& value) {
    if (has_parameters_) return Repeated("parameters");
    has_parameters_ = true;
    TRY(object, AsObject(value, "parameters"));
    MemberLoop loop(object, place_);
    while (loop.Next()) {
      const std::string_view key = loop.key();
      TRY_VOID(CountParameter());
      if (key.starts_with("triton_")) {
        return MemberFault("parameters",
                           "parameter keys starting with 'triton_' are reserved for Triton usage");
      }
      if (key == "timeout") {
        TRY(timeout, AsUnsigned(loop.value(), "timeout"));
        const uint64_t most = std::chrono::microseconds(runtime::kMaxRequestTimeout).count();
        if (timeout > 0) out_.timeout = std::chrono::microseconds(std::min(timeout, most));
        continue;
      }
      TRY_VOID(PlainParameter(key, loop.value()));
    }
    return loop.End();
  }

  Result<void> CountParameter() {
    if (++parameters_ <= kMaxParameters) return {};
    return MemberFault("parameters", "more than " + std::to_string(kMaxParameters) +
                                         " parameters, the most that one request may have");
  }

  Result<void> PlainParameter(std::string_view key, ondemand::value& value) {
    const char first = *value.raw_json_token().data();
    if (first != '{' && first != '[' && first != 'n') return Skip(value, 2, place_);
    return MemberFault("parameters", "parameter '" + std::string(key) +
                                         "' must be a string, a number or a boolean");
  }

  Result<void> Inputs(ondemand::value& value) {
    if (has_inputs_) return Repeated("inputs");
    has_inputs_ = true;
    TRY(array, AsArray(value, "inputs"));
    for (auto item : array) {
      ondemand::value element;
      if (const auto error = item.get(element); error != simdjson::SUCCESS) {
        return SyntaxFault(simdjson::error_message(error), last_byte_);
      }
      last_byte_ = place_.Byte(element.raw_json_token().data());
      TRY(object, AsObject(element, "inputs"));
      TRY_VOID(OneInput(object));
    }
    return {};
  }

  Result<void> OneInput(ondemand::object& object) {
    Input input;
    MemberLoop loop(object, place_);
    while (loop.Next()) TRY_VOID(InputMember(loop.key(), loop.value(), input));
    TRY_VOID(loop.End());
    TRY_VOID(Locate(input));
    if (!input.has_data) {
      if (input.binary) return NoBinary(*input.name);
      return Missing("data", " of input '" + std::string(*input.name) + "'");
    }
    if (input.deferred.empty()) return {};
    return Deferred(input);
  }

  Result<void> InputMember(std::string_view key, ondemand::value& value, Input& input) {
    if (key == "name") {
      if (input.name) return Repeated("name");
      TRY(name, AsString(value, "name"));
      input.name = name;
      return {};
    }
    if (key == "datatype") {
      if (input.datatype) return Repeated("datatype");
      TRY(datatype, AsString(value, "datatype"));
      input.datatype = datatype;
      return {};
    }
    if (key == "shape") return ReadShape(value, input);
    if (key == "data") return Data(value, input);
    if (key == "parameters") return InputParameters(value, input);
    return Skip(value, 3, place_);
  }

  Result<void> ReadShape(ondemand::value& value, Input& input) {
    if (input.shape) return Repeated("shape");
    TRY(array, AsArray(value, "shape"));
    input.shape.emplace();
    for (auto item : array) {
      ondemand::value element;
      if (const auto error = item.get(element); error != simdjson::SUCCESS) {
        return SyntaxFault(simdjson::error_message(error), last_byte_);
      }
      TRY(dim, AsInteger(element, "shape"));
      if (!input.shape->Append(dim)) {
        return MemberFault("shape", "more than " + std::to_string(tensor::kMaxRank) +
                                        " dimensions, the most that a tensor may have");
      }
    }
    return {};
  }

  Result<void> InputParameters(ondemand::value& value, Input& input) {
    TRY(object, AsObject(value, "parameters"));
    MemberLoop loop(object, place_);
    while (loop.Next()) {
      const std::string_view key = loop.key();
      TRY_VOID(CountParameter());
      if (key == "binary_data_size") input.binary = true;
      if (key.starts_with("shared_memory_")) {
        return Unimplemented("SHARED_MEMORY_UNSUPPORTED",
                             "this server takes no shared memory: send 'data' in the JSON");
      }
      TRY_VOID(PlainParameter(key, loop.value()));
    }
    return loop.End();
  }

  // Where name, type and shape are known, as with every client that keeps the order of the
  // protocol's text, the elements go straight into the tensor; else they are read again later.
  Result<void> Data(ondemand::value& value, Input& input) {
    if (input.has_data) return Repeated("data");
    TRY(array, AsArray(value, "data"));
    input.has_data = true;
    if (!input.name || !input.datatype || !input.shape) {
      if (array.raw_json().get(input.deferred) == simdjson::SUCCESS) return {};
      return SyntaxFault("'data' does not end", last_byte_);
    }
    TRY_VOID(Locate(input));
    return FillTensor(array, *input.name, kDataDepth, place_, out_.inputs[*input.position]);
  }

  Result<void> Deferred(const Input& input) {
    ondemand::document document;
    ondemand::array array;
    const size_t room =
        body_.size() + kBodyPadding - static_cast<size_t>(input.deferred.data() - body_.data());
    auto error = second_.iterate(input.deferred.data(), input.deferred.size(), room).get(document);
    if (error == simdjson::SUCCESS) error = document.get_array().get(array);
    if (error != simdjson::SUCCESS) {
      return SyntaxFault(simdjson::error_message(error), place_.Byte(input.deferred.data()));
    }
    return FillTensor(array, *input.name, kDataDepth, place_, out_.inputs[*input.position]);
  }

  // Checks name, datatype and shape against the signature and makes the tensor ready.
  Result<void> Locate(Input& input) {
    if (input.position) return {};
    if (!input.name) return Missing("name", " of an input");
    const std::string name(*input.name);
    if (!input.shape) return Missing("shape", " of input '" + name + "'");
    if (!input.datatype) return Missing("datatype", " of input '" + name + "'");
    const auto& specs = model_.signature.inputs;
    const std::optional<size_t> at = tensor::FindSpec(specs, name);
    const std::string model(model_.name);
    if (!at) {
      return InvalidArgument("INPUT_UNKNOWN",
                             "unexpected inference input '" + name + "' for model '" + model + "'");
    }
    if (seen_[*at] != 0) {
      return InvalidArgument("INPUT_REPEATED", "input '" + name + "' already exists in request");
    }
    seen_[*at] = 1;
    TRY_VOID(CheckType(name, *input.datatype, specs[*at].type));
    TRY_VOID(CheckShape(name, *input.shape, specs[*at]));
    TRY_VOID(out_.inputs[*at].Reset(specs[*at].type, *input.shape));
    input.position = at;
    return {};
  }

  Result<void> CheckType(const std::string& name, std::string_view datatype,
                         DataType wanted) const {
    if (datatype == DataTypeName(wanted)) return {};
    if (!tensor::ParseDataType(datatype)) {
      return MemberFault("datatype", "'" + std::string(datatype.substr(0, 64)) + "' of input '" +
                                         name + "' is no data type of the protocol");
    }
    return InvalidArgument("INPUT_TYPE", "inference input '" + name + "' data-type is '" +
                                             std::string(datatype) + "', but model '" +
                                             std::string(model_.name) + "' expects '" +
                                             std::string(DataTypeName(wanted)) + "'");
  }

  Result<void> CheckShape(const std::string& name, const Shape& shape,
                          const tensor::TensorSpec& spec) const {
    const Result<uint64_t> count = shape.ElementCount();
    if (count.has_error()) {
      return MemberFault("shape", "input '" + name + "': " + count.error().message());
    }
    if (!tensor::Matches(spec, shape)) {
      return InvalidArgument("INPUT_SHAPE", "unexpected shape for input '" + name +
                                                "' for model '" + std::string(model_.name) +
                                                "'. Expected " + spec.shape.ToString() + ", got " +
                                                shape.ToString());
    }
    // Each element takes a byte and a comma at least: nothing is allocated for what cannot be
    // there.
    if (*count > body_.size()) {
      return MemberFault("data", "Shape does not match true shape of 'data' field: input '" + name +
                                     "' has shape " + shape.ToString() + ", which is " +
                                     std::to_string(*count) + " elements, and the request has " +
                                     std::to_string(body_.size()) + " bytes");
    }
    return {};
  }

  Result<void> Outputs(ondemand::value& value) {
    if (has_outputs_) return Repeated("outputs");
    has_outputs_ = true;
    TRY(array, AsArray(value, "outputs"));
    for (auto item : array) {
      ondemand::value element;
      if (const auto error = item.get(element); error != simdjson::SUCCESS) {
        return SyntaxFault(simdjson::error_message(error), last_byte_);
      }
      last_byte_ = place_.Byte(element.raw_json_token().data());
      TRY(object, AsObject(element, "outputs"));
      TRY_VOID(OneOutput(object));
    }
    return {};
  }

  Result<void> OneOutput(ondemand::object& object) {
    std::optional<std::string_view> name;
    MemberLoop loop(object, place_);
    while (loop.Next()) {
      if (loop.key() == "name") {
        if (name) return Repeated("name");
        TRY(text, AsString(loop.value(), "name"));
        name = text;
      } else if (loop.key() == "parameters") {
        TRY_VOID(OutputParameters(loop.value()));
      } else {
        TRY_VOID(Skip(loop.value(), 3, place_));
      }
    }
    TRY_VOID(loop.End());
    if (!name) return Missing("name", " of an output");
    const auto at = tensor::FindSpec(model_.signature.outputs, *name);
    if (!at) {
      return InvalidArgument("OUTPUT_UNKNOWN", "unexpected inference output '" +
                                                   std::string(*name) + "' for model '" +
                                                   std::string(model_.name) + "'");
    }
    const auto position = static_cast<uint32_t>(*at);
    if (std::find(out_.wanted.begin(), out_.wanted.end(), position) != out_.wanted.end()) {
      return InvalidArgument("OUTPUT_REPEATED",
                             "output '" + std::string(*name) + "' is requested more than once");
    }
    out_.wanted.push_back(position);
    return {};
  }

  // `binary_data` asks for the answer in another form, which clients must not rely on: they read
  // from the answer which form it has.
  Result<void> OutputParameters(ondemand::value& value) {
    TRY(object, AsObject(value, "parameters"));
    MemberLoop loop(object, place_);
    while (loop.Next()) {
      const std::string_view key = loop.key();
      TRY_VOID(CountParameter());
      if (key == "classification") {
        TRY(classes, AsUnsigned(loop.value(), "classification"));
        if (classes == 0) continue;
        return Unimplemented("CLASSIFICATION_UNSUPPORTED",
                             "this server does not classify: leave out the parameter "
                             "'classification' and take the output as it is");
      }
      if (key.starts_with("shared_memory_")) {
        return Unimplemented("SHARED_MEMORY_UNSUPPORTED",
                             "this server gives no shared memory: outputs come in the JSON");
      }
      TRY_VOID(PlainParameter(key, loop.value()));
    }
    return loop.End();
  }

  Result<void> Complete() {
    if (!has_inputs_) return Missing("inputs", "");
    if (std::find(seen_.begin(), seen_.end(), 0) != seen_.end()) return MissingInputs();
    if (!out_.wanted.empty()) return {};
    for (uint32_t i = 0; i < model_.signature.outputs.size(); ++i) out_.wanted.push_back(i);
    return {};
  }

  Error MissingInputs() const {
    std::string got;
    std::string missing;
    for (size_t i = 0; i < seen_.size(); ++i) {
      std::string& list = seen_[i] != 0 ? got : missing;
      list += (list.empty() ? "'" : ",'") + model_.signature.inputs[i].name + "'";
    }
    const auto count = std::count(seen_.begin(), seen_.end(), 1);
    return InvalidArgument("INPUT_MISSING", "expected " + std::to_string(seen_.size()) +
                                                " inputs but got " + std::to_string(count) +
                                                " inputs for model '" + std::string(model_.name) +
                                                "'. Got input(s) [" + got +
                                                "], but missing required input(s) [" + missing +
                                                "]. Please provide all required input(s).");
  }

  // The request, its `inputs`, one input: `data` is the fourth level.
  static constexpr int kDataDepth = 4;

  const std::string_view body_;
  const JsonPlace place_;
  const ModelFace& model_;
  ondemand::parser& second_;
  std::vector<uint8_t>& seen_;  // inputs that were there, by position
  InferRequest& out_;
  bool has_inputs_ = false;
  bool has_outputs_ = false;
  bool has_parameters_ = false;
  size_t parameters_ = 0;
  size_t last_byte_ = 1;
};

}  // namespace

namespace {

// The fast reader notices a fault anywhere behind it, or in a pass over all of the body that knows
// no place. What is true of the body is looked up once more.
Error TrueFault(std::string_view body, const Error& noticed) {
  const std::optional<JsonFault> fault = FindJsonFault(body);
  if (!fault) return noticed;
  if (fault->too_deep) return DepthFault(fault->offset + 1);
  return SyntaxFault(fault->what, fault->offset + 1);
}

}  // namespace

struct RequestParser::State {
  std::unique_ptr<ondemand::parser> first = std::make_unique<ondemand::parser>();
  // For `data` that came before its type and shape.
  std::unique_ptr<ondemand::parser> second = std::make_unique<ondemand::parser>();
  std::vector<uint8_t> seen;

  void Shrink() {
    for (auto* parser : {&first, &second}) {
      if ((*parser)->capacity() > kKeepDocumentBytes)
        *parser = std::make_unique<ondemand::parser>();
    }
  }
};

RequestParser::RequestParser() : state_(std::make_unique<State>()) {}
RequestParser::~RequestParser() = default;

Result<void> RequestParser::Parse(std::string_view body, const ModelFace& model,
                                  InferRequest& out) {
  ondemand::document document;
  const auto error =
      state_->first->iterate(body.data(), body.size(), body.size() + kBodyPadding).get(document);
  if (error != simdjson::SUCCESS) {
    state_->Shrink();
    if (error == simdjson::EMPTY) return SyntaxFault("The document is empty.", 1);
    return TrueFault(body, SyntaxFault(simdjson::error_message(error), 1));
  }
  Result<void> parsed = Reader(body, model, *state_->second, state_->seen, out).Request(document);
  state_->Shrink();
  if (parsed.has_error() && parsed.error().reason() == "JSON_SYNTAX") {
    return TrueFault(body, parsed.error());
  }
  return parsed;
}

}  // namespace slipway::gateway::v2
