#include "gateway/v2/input_reader.h"

#include <optional>
#include <string>

#include "gateway/v2/signature_check.h"
#include "gateway/v2/tensor_data.h"

namespace slipway::gateway::v2 {
namespace {

using tensor::Shape;

// The request, its `inputs`, one input: `data` is the fourth level.
constexpr int kDataDepth = 4;
constexpr int kMemberDepth = 3;

// The views live as long as the parser's document.
class InputReader {
 public:
  explicit InputReader(RequestContext& context) : context_(context) {}

  Result<void> Read(ondemand::object& object) {
    MemberLoop loop(object, context_.place);
    while (loop.Next()) TRY_VOID(Member(loop.key(), loop.value()));
    TRY_VOID(loop.End());
    TRY_VOID(Locate());
    if (shared_) return Shared();
    if (binary_size_) return Binary();
    if (!has_data_) return Missing("data", " of input '" + std::string(*name_) + "'");
    if (deferred_.empty()) return {};
    return Deferred();
  }

 private:
  Result<void> Member(std::string_view key, ondemand::value& value) {
    if (key == "name") {
      if (name_) return Repeated("name");
      TRY(name, AsString(value, "name"));
      name_ = name;
      return {};
    }
    if (key == "datatype") {
      if (datatype_) return Repeated("datatype");
      TRY(datatype, AsString(value, "datatype"));
      datatype_ = datatype;
      return {};
    }
    if (key == "shape") return ReadShape(value);
    if (key == "data") return Data(value);
    if (key == "parameters") return Parameters(value);
    return Skip(value, kMemberDepth, context_.place);
  }

  Result<void> ReadShape(ondemand::value& value) {
    if (shape_) return Repeated("shape");
    const size_t byte = context_.place.Byte(value.raw_json_token().data());
    TRY(array, AsArray(value, "shape"));
    shape_.emplace();
    for (auto item : array) {
      ondemand::value element;
      if (const auto error = item.get(element); error != simdjson::SUCCESS) {
        return SyntaxFault(simdjson::error_message(error), byte);
      }
      TRY(dim, AsInteger(element, "shape"));
      if (!shape_->Append(dim)) {
        return MemberFault("shape", "more than " + std::to_string(tensor::kMaxRank) +
                                        " dimensions, the most that a tensor may have");
      }
    }
    return {};
  }

  Result<void> Parameters(ondemand::value& value) {
    TRY(object, AsObject(value, "parameters"));
    MemberLoop loop(object, context_.place);
    while (loop.Next()) {
      const std::string_view key = loop.key();
      TRY_VOID(context_.CountParameter());
      if (key == "binary_data_size") {
        TRY(size, AsUnsigned(loop.value(), "binary_data_size"));
        binary_size_ = size;
        continue;
      }
      if (key.starts_with(kSharedPrefix)) {
        TRY(is_known, ReadSharedParameter(key, loop.value(), shared_));
        if (is_known) continue;
      }
      TRY_VOID(context_.PlainParameter(key, loop.value()));
    }
    return loop.End();
  }

  // Where name, type and shape are known, as with every client that keeps the order of the
  // protocol's text, the elements go straight into the tensor; else they are read again later.
  Result<void> Data(ondemand::value& value) {
    if (has_data_) return Repeated("data");
    const size_t byte = context_.place.Byte(value.raw_json_token().data());
    TRY(array, AsArray(value, "data"));
    has_data_ = true;
    if (!name_ || !datatype_ || !shape_ || binary_size_) {
      if (array.raw_json().get(deferred_) == simdjson::SUCCESS) return {};
      return SyntaxFault("'data' does not end", byte);
    }
    TRY_VOID(Locate());
    TRY_VOID(MakeRoom());
    return FillTensor(array, *name_, kDataDepth, context_.place, context_.out.inputs[*position_]);
  }

  Result<void> Deferred() {
    TRY_VOID(MakeRoom());
    ondemand::document document;
    ondemand::array array;
    auto error = context_.second.iterate(deferred_.data(), deferred_.size(), RoomBehind(deferred_))
                     .get(document);
    if (error == simdjson::SUCCESS) error = document.get_array().get(array);
    if (error != simdjson::SUCCESS) {
      return SyntaxFault(simdjson::error_message(error), context_.place.Byte(deferred_.data()));
    }
    return FillTensor(array, *name_, kDataDepth, context_.place, context_.out.inputs[*position_]);
  }

  // What the parser may read from the begin of `text`.
  size_t RoomBehind(std::string_view text) const {
    return context_.json.size() + kBodyPadding -
           static_cast<size_t>(text.data() - context_.json.data());
  }

  Result<void> Shared() {
    if (has_data_ || binary_size_) {
      return MemberFault("data", "input '" + std::string(*name_) +
                                     "' has data in the request and in shared memory as well: one "
                                     "of them is wanted");
    }
    TRY(place, shared_.Place(*name_));
    context_.out.shared_inputs.push_back(
        {.position = *position_, .shape = *shape_, .place = std::move(place)});
    return {};
  }

  Result<void> Binary() {
    if (has_data_) {
      return MemberFault("data", "input '" + std::string(*name_) +
                                     "' has 'data' and binary data as well: one of them is wanted");
    }
    TRY(bytes, context_.binary.Take(*binary_size_, *name_));
    return ReadBinary(*name_, type(), *shape_, bytes, context_.out.inputs[*position_]);
  }

  // Checks name, datatype and shape against the signature.
  Result<void> Locate() {
    if (position_) return {};
    if (!name_) return Missing("name", " of an input");
    const std::string of = " of input '" + std::string(*name_) + "'";
    if (!shape_) return Missing("shape", of);
    if (!datatype_) return Missing("datatype", of);
    TRY(at, TakeInput(context_.model, *name_, context_.seen));
    TRY_VOID(CheckType(context_.model, at, *datatype_));
    TRY(count, CheckShape(context_.model, at, *shape_));
    count_ = count;
    position_ = at;
    return {};
  }

  // For elements in the JSON. Each takes a byte and a comma at least: nothing is allocated for what
  // cannot be there.
  Result<void> MakeRoom() {
    if (count_ > context_.json.size()) {
      return MemberFault("data", "Shape does not match true shape of 'data' field: input '" +
                                     std::string(*name_) + "' has shape " + shape_->ToString() +
                                     ", which is " + std::to_string(count_) +
                                     " elements, and the request has " +
                                     std::to_string(context_.json.size()) + " bytes");
    }
    TRY_VOID(context_.out.Hold(type(), *shape_));
    return context_.out.inputs[*position_].Reset(type(), *shape_);
  }

  tensor::DataType type() const { return context_.model.signature.inputs[*position_].type; }

  RequestContext& context_;
  std::optional<std::string_view> name_;
  std::optional<std::string_view> datatype_;
  std::optional<Shape> shape_;
  std::optional<uint64_t> binary_size_;
  SharedParameters shared_;
  std::optional<size_t> position_;  // in the signature, once name, datatype and shape are checked
  uint64_t count_ = 0;              // of elements, likewise
  std::string_view deferred_;       // JSON of `data` that came before the other members
  bool has_data_ = false;
};

}  // namespace

Result<void> ReadInput(ondemand::object& object, RequestContext& context) {
  return InputReader(context).Read(object);
}

}  // namespace slipway::gateway::v2
