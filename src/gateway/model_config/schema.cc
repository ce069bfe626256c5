#include "gateway/model_config/schema.h"

#include <cctype>
#include <map>

#include "base/check.h"
#include "gateway/grpc/descriptors.h"
#include "gateway/grpc/wire.h"

namespace slipway::gateway::model_config {
namespace {

using grpc::WireField;
using grpc::WireReader;
using grpc::WireType;

// Numbers of FieldDescriptorProto.Type, and of its label for what is repeated.
enum Type : uint64_t {
  kDouble = 1,
  kFloat = 2,
  kInt64 = 3,
  kUint64 = 4,
  kInt32 = 5,
  kBool = 8,
  kString = 9,
  kMessage = 11,
  kUint32 = 13,
  kEnum = 14,
};
constexpr uint64_t kRepeated = 3;

struct Shape {
  Kind kind;
  int bits;
};

Shape ShapeOf(uint64_t type) {
  switch (type) {
    case kDouble:
      return {Kind::kFloat, 64};
    case kFloat:
      return {Kind::kFloat, 32};
    case kInt64:
      return {Kind::kSigned, 64};
    case kUint64:
      return {Kind::kUnsigned, 64};
    case kInt32:
      return {Kind::kSigned, 32};
    case kUint32:
      return {Kind::kUnsigned, 32};
    case kBool:
      return {Kind::kBool, 1};
    case kString:
      return {Kind::kString, 0};
    case kEnum:
      return {Kind::kEnum, 32};
    case kMessage:
      return {Kind::kMessage, 0};
    default:
      break;
  }
  CHECK_NOTE(false, "model_config.proto has a field of a type that has no place in Json");
  return {Kind::kString, 0};
}

// The messages of the descriptor set, by their full names.
class Schemas {
 public:
  explicit Schemas(std::string_view descriptor_set) {
    WireReader files(descriptor_set);
    for (WireField file; files.Next(file);) {
      if (file.IsBytes(1)) AddFile(file.bytes);
    }
    CHECK(!files.is_broken());
    for (auto& [name, text] : fields_) Resolve(text.first, text.second);
  }

  const Message& Of(std::string_view name) const {
    const auto found = messages_.find(name);
    CHECK(found != messages_.end());
    return *found->second;
  }

 private:
  // FileDescriptorProto: name 1, message_type 4, enum_type 5.
  void AddFile(std::string_view file) {
    if (NameOf(file) != "model_config.proto") return;
    WireReader reader(file);
    for (WireField field; reader.Next(field);) {
      if (field.IsBytes(4)) AddMessage(".inference", field.bytes);
      if (field.IsBytes(5)) AddEnumeration(".inference", field.bytes);
    }
  }

  static std::string NameOf(std::string_view descriptor) {
    std::string name;
    WireReader reader(descriptor);
    for (WireField field; reader.Next(field);) {
      if (field.IsBytes(1)) name = field.bytes;
    }
    return name;
  }

  // DescriptorProto: name 1, field 2, nested_type 3, enum_type 4, options 7 (map_entry 7).
  void AddMessage(const std::string& scope, std::string_view descriptor) {
    auto made = std::make_unique<Message>();
    Message& message = *made;
    message.name = NameOf(descriptor);
    const std::string name = scope + "." + message.name;
    messages_.emplace(name, std::move(made));
    WireReader reader(descriptor);
    for (WireField field; reader.Next(field);) {
      if (field.IsBytes(3)) AddMessage(name, field.bytes);
      if (field.IsBytes(4)) AddEnumeration(name, field.bytes);
      if (!field.IsBytes(7)) continue;
      WireReader options(field.bytes);
      for (WireField option; options.Next(option);) {
        if (option.Is(7, WireType::kVarint)) message.is_map_entry = option.value != 0;
      }
    }
    fields_.emplace(name, std::pair(&message, descriptor));
  }

  // EnumDescriptorProto: name 1, value 2 (name 1, number 2).
  void AddEnumeration(const std::string& scope, std::string_view descriptor) {
    auto enumeration = std::make_unique<Enumeration>();
    WireReader reader(descriptor);
    for (WireField field; reader.Next(field);) {
      if (!field.IsBytes(2)) continue;
      std::pair<std::string, int32_t> value;
      WireReader parts(field.bytes);
      for (WireField part; parts.Next(part);) {
        if (part.IsBytes(1)) value.first = part.bytes;
        if (part.Is(2, WireType::kVarint)) value.second = static_cast<int32_t>(part.value);
      }
      enumeration->values.push_back(std::move(value));
    }
    enumerations_.emplace(scope + "." + NameOf(descriptor), std::move(enumeration));
  }

  // Once all names are known.
  void Resolve(Message* message, std::string_view descriptor) {
    WireReader reader(descriptor);
    for (WireField field; reader.Next(field);) {
      if (field.IsBytes(2)) message->fields.push_back(MakeField(field.bytes));
    }
  }

  // FieldDescriptorProto: name 1, number 3, label 4, type 5, type_name 6, oneof_index 9.
  Field MakeField(std::string_view descriptor) const {
    Field field;
    uint64_t type = 0;
    std::string_view type_name;
    WireReader reader(descriptor);
    for (WireField part; reader.Next(part);) {
      if (part.IsBytes(1)) field.name = part.bytes;
      if (part.Is(3, WireType::kVarint)) field.number = static_cast<uint32_t>(part.value);
      if (part.Is(4, WireType::kVarint)) field.is_repeated = part.value == kRepeated;
      if (part.Is(5, WireType::kVarint)) type = part.value;
      if (part.IsBytes(6)) type_name = part.bytes;
      if (part.Is(9, WireType::kVarint)) field.oneof = static_cast<int>(part.value);
    }
    const Shape shape = ShapeOf(type);
    field.kind = shape.kind;
    field.bits = shape.bits;
    if (field.kind == Kind::kEnum) field.enumeration = enumerations_.find(type_name)->second.get();
    if (field.kind == Kind::kMessage) {
      field.message = messages_.find(type_name)->second.get();
      field.is_map = field.message->is_map_entry;
    }
    return field;
  }

  std::map<std::string, std::unique_ptr<Message>, std::less<>> messages_;
  std::map<std::string, std::unique_ptr<Enumeration>, std::less<>> enumerations_;
  std::map<std::string, std::pair<Message*, std::string_view>, std::less<>> fields_;
};

// max_batch_size is maxBatchSize, as protobuf's JSON has it.
bool IsJsonName(std::string_view json_name, std::string_view name) {
  size_t at = 0;
  bool upper = false;
  for (const char c : name) {
    if (c == '_') {
      upper = true;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    const char wanted = upper ? static_cast<char>(std::toupper(byte)) : c;
    if (at == json_name.size() || json_name[at++] != wanted) return false;
    upper = false;
  }
  return at == json_name.size();
}

}  // namespace

const Field* Message::Find(std::string_view wanted) const {
  for (const Field& field : fields) {
    if (field.name == wanted || IsJsonName(wanted, field.name)) return &field;
  }
  return nullptr;
}

const Field& Message::Of(std::string_view wanted) const {
  const Field* field = Find(wanted);
  CHECK(field != nullptr);
  return *field;
}

const Message& ModelConfigSchema() {
  static const Schemas& schemas = *new Schemas(grpc::DescriptorSet());
  return schemas.Of(".inference.ModelConfig");
}

}  // namespace slipway::gateway::model_config
