// Schema: what is known of Triton's model configuration, read from proto/model_config.proto.
//
// A configuration is a Json object: members have the names of the fields, enumerators are their
// names, maps are objects, integers are integers. Text, JSON of users and protobuf's wire format
// are read into that form, or written from it, by this one table.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::gateway::model_config {

enum class Kind : uint8_t { kBool, kSigned, kUnsigned, kFloat, kString, kEnum, kMessage };

struct Enumeration {
  std::vector<std::pair<std::string, int32_t>> values;
};

struct Message;

struct Field {
  std::string name;
  uint32_t number = 0;
  Kind kind = Kind::kString;
  int bits = 32;  // of numbers
  bool is_repeated = false;
  // A map: the message is its entry, with the fields key and value.
  bool is_map = false;
  int oneof = -1;  // fields with the same number exclude each other; -1: none
  const Message* message = nullptr;
  const Enumeration* enumeration = nullptr;

  // Written even where it has its default: neither a message nor one of several choices.
  bool HasDefault() const { return oneof < 0 && (is_repeated || kind != Kind::kMessage); }
};

struct Message {
  std::string name;           // "ModelConfig"
  std::vector<Field> fields;  // in the order of the file
  bool is_map_entry = false;

  // By its name, or by the name that protobuf's JSON gives it (maxBatchSize); nullptr.
  const Field* Find(std::string_view wanted) const;
  const Field& Of(std::string_view wanted) const;  // CHECKs that it is there
};

// inference.ModelConfig. Made at first use, lives for ever.
const Message& ModelConfigSchema();

}  // namespace slipway::gateway::model_config
