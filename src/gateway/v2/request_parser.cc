#include "gateway/v2/request_parser.h"

#include <optional>
#include <vector>

#include "gateway/limits.h"
#include "gateway/v2/binary_tensor.h"
#include "gateway/v2/input_reader.h"
#include "gateway/v2/json_check.h"
#include "gateway/v2/request_context.h"
#include "gateway/v2/signature_check.h"
#include "runtime/limits.h"

namespace slipway::gateway::v2 {
namespace {

// simdjson keeps about five bytes for each byte of the largest document: after a large one it
// starts again.
constexpr size_t kKeepDocumentBytes = 1 << 20;

// One requested output.
struct Output {
  std::optional<std::string_view> name;
  std::optional<bool> binary;
  uint32_t classes = 0;
  SharedParameters shared;
};

// The members of the request itself.
class Reader {
 public:
  explicit Reader(RequestContext& context) : context_(context) {}

  Result<void> Request(ondemand::document& document) {
    ondemand::object root;
    if (document.get_object().get(root) != simdjson::SUCCESS) {
      return SyntaxFault("the request must be a JSON object", 1);
    }
    MemberLoop loop(root, context_.place);
    while (loop.Next()) TRY_VOID(Member(loop.key(), loop.value()));
    TRY_VOID(loop.End());
    const char* rest = nullptr;  // there is none at the end of the body
    if (document.current_location().get(rest) == simdjson::SUCCESS) {
      return SyntaxFault("The document root must not be followed by other values",
                         context_.place.Byte(rest));
    }
    return Complete();
  }

 private:
  Result<void> Member(std::string_view key, ondemand::value& value) {
    if (key == "inputs") return Inputs(value);
    if (key == "id") return Id(value);
    if (key == "outputs") return Outputs(value);
    if (key == "parameters") return Parameters(value);
    return Skip(value, 1, context_.place);
  }

  Result<void> Id(ondemand::value& value) {
    if (context_.out.id) return Repeated("id");
    TRY(id, AsString(value, "id"));
    if (id.size() > kMaxIdBytes) {
      return MemberFault("id", "longer than " + std::to_string(kMaxIdBytes) + " bytes");
    }
    context_.out.id = id;
    return {};
  }

  Result<void> Parameters(ondemand::value& value) {
    if (has_parameters_) return Repeated("parameters");
    has_parameters_ = true;
    TRY(object, AsObject(value, "parameters"));
    MemberLoop loop(object, context_.place);
    while (loop.Next()) TRY_VOID(Parameter(loop.key(), loop.value()));
    return loop.End();
  }

  Result<void> Parameter(std::string_view key, ondemand::value& value) {
    TRY_VOID(context_.CountParameter());
    if (key.starts_with("triton_")) {
      return MemberFault("parameters",
                         "parameter keys starting with 'triton_' are reserved for Triton usage");
    }
    if (key == "timeout") {
      TRY(timeout, AsUnsigned(value, "timeout"));
      const uint64_t most = std::chrono::microseconds(runtime::kMaxRequestTimeout).count();
      if (timeout > 0) context_.out.timeout = std::chrono::microseconds(std::min(timeout, most));
      return {};
    }
    if (key == "priority") {
      TRY(priority, AsUnsigned(value, "priority"));
      context_.out.priority = priority;
      return {};
    }
    if (key == "binary_data_output") {
      TRY(binary, AsBool(value, "binary_data_output"));
      binary_output_ = binary;
      return {};
    }
    return context_.PlainParameter(key, value);
  }

  Result<void> Inputs(ondemand::value& value) {
    if (has_inputs_) return Repeated("inputs");
    has_inputs_ = true;
    TRY(array, AsArray(value, "inputs"));
    return ForEachObject(array, "inputs", context_.place,
                         [this](ondemand::object& object) { return ReadInput(object, context_); });
  }

  Result<void> Outputs(ondemand::value& value) {
    if (has_outputs_) return Repeated("outputs");
    has_outputs_ = true;
    TRY(array, AsArray(value, "outputs"));
    return ForEachObject(array, "outputs", context_.place,
                         [this](ondemand::object& object) { return OneOutput(object); });
  }

  Result<void> OneOutput(ondemand::object& object) {
    constexpr int kDepth = 3;
    Output output;
    MemberLoop loop(object, context_.place);
    while (loop.Next()) {
      if (loop.key() == "name") {
        if (output.name) return Repeated("name");
        TRY(text, AsString(loop.value(), "name"));
        output.name = text;
      } else if (loop.key() == "parameters") {
        TRY_VOID(OutputParameters(loop.value(), output));
      } else {
        TRY_VOID(Skip(loop.value(), kDepth, context_.place));
      }
    }
    TRY_VOID(loop.End());
    if (!output.name) return Missing("name", " of an output");
    TRY_VOID(WantOutput(context_.model, *output.name, {.classes = output.classes}, context_.out));
    binary_.push_back(output.binary);
    if (!output.shared) return {};
    return WantShared(output.shared, *output.name, context_.out);
  }

  Result<void> OutputParameters(ondemand::value& value, Output& output) {
    TRY(object, AsObject(value, "parameters"));
    MemberLoop loop(object, context_.place);
    while (loop.Next()) {
      const std::string_view key = loop.key();
      TRY_VOID(context_.CountParameter());
      if (key == "classification") {
        TRY(classes, AsUnsigned(loop.value(), "classification"));
        output.classes = static_cast<uint32_t>(std::min<uint64_t>(classes, UINT32_MAX));
      } else if (key == "binary_data") {
        TRY(binary, AsBool(loop.value(), "binary_data"));
        output.binary = binary;
      } else if (key.starts_with(kSharedPrefix)) {
        TRY(is_known, ReadSharedParameter(key, loop.value(), output.shared));
        if (!is_known) TRY_VOID(context_.PlainParameter(key, loop.value()));
      } else {
        TRY_VOID(context_.PlainParameter(key, loop.value()));
      }
    }
    return loop.End();
  }

  Result<void> Complete() {
    if (!has_inputs_) return Missing("inputs", "");
    TRY_VOID(CheckComplete(context_.model, context_.seen));
    if (context_.binary.left() > 0) {
      return InvalidArgument("BINARY_LEFT", std::to_string(context_.binary.left()) +
                                                " bytes of binary data follow those of the last "
                                                "input: 'binary_data_size' of the inputs must add "
                                                "up to all that follows the JSON");
    }
    InferRequest& out = context_.out;
    if (out.wanted.empty()) {
      out.WantAll(context_.model.signature, {.binary = binary_output_});
      return {};
    }
    // `parameters` of the request may come after the outputs, whose own wish wins.
    for (size_t i = 0; i < binary_.size(); ++i) {
      out.forms[i].binary = binary_[i].value_or(binary_output_);
    }
    return {};
  }

  RequestContext& context_;
  std::vector<std::optional<bool>> binary_;  // what each requested output says itself
  bool binary_output_ = false;
  bool has_inputs_ = false;
  bool has_outputs_ = false;
  bool has_parameters_ = false;
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

Result<void> RequestParser::Parse(std::string_view body, std::string_view binary,
                                  const ModelFace& model, InferRequest& out) {
  out.Clear(model.signature);
  state_->seen.assign(model.signature.inputs.size(), 0);
  ondemand::document document;
  const auto error =
      state_->first->iterate(body.data(), body.size(), body.size() + kBodyPadding).get(document);
  if (error != simdjson::SUCCESS) {
    state_->Shrink();
    if (error == simdjson::EMPTY) return SyntaxFault("The document is empty.", 1);
    return TrueFault(body, SyntaxFault(simdjson::error_message(error), 1));
  }
  RequestContext context{.json = body,
                         .place = JsonPlace(body),
                         .binary = BinaryTail(binary),
                         .model = model,
                         .second = *state_->second,
                         .seen = state_->seen,
                         .out = out};
  Result<void> parsed = Reader(context).Request(document);
  state_->Shrink();
  if (parsed.has_error() && parsed.error().reason() == "JSON_SYNTAX") {
    return TrueFault(body, parsed.error());
  }
  return parsed;
}

}  // namespace slipway::gateway::v2
