// TraceSetting and LogSettings: with settings they are set, and in any case told.
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "gateway/grpc/environment.h"
#include "gateway/grpc/wire.h"
#include "gateway/limits.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/signature_check.h"

namespace slipway::gateway::grpc {
namespace {

Result<void> CheckMaySet(const Environment& environment, const net::GrpcCall& call) {
  return CheckControl(environment.v2.control, call.peer_is_loopback(),
                      call.Metadata("authorization"));
}

// Calls `read(value)` with each message of the map `settings` = 1, whose key is a text.
template <class Read>
Result<Json> ReadSettings(std::string_view message, std::string_view name, Read read) {
  Json settings = Json::object();
  WireReader reader(message);
  for (WireField field; reader.Next(field);) {
    if (!field.IsBytes(1)) continue;
    TRY(entry, ReadStrings<2>(field.bytes, name));
    if (settings.size() >= kMaxParameters) return v2::MemberFault("settings", "too many settings");
    TRY(value, read(entry[2]));
    settings[v2::Utf8Of(entry[1])] = std::move(value);
  }
  if (reader.is_broken()) return BrokenMessage(name);
  return settings;
}

// SettingValue of traces: repeated string value = 1; none clears the setting.
Result<Json> ReadTraceValue(std::string_view bytes) {
  Json values = Json::array();
  WireReader reader(bytes);
  for (WireField field; reader.Next(field);) {
    if (field.IsBytes(1) && values.size() < kMaxParameters) {
      values.push_back(v2::Utf8Of(field.bytes));
    }
  }
  if (reader.is_broken()) return BrokenMessage("TraceSettingRequest");
  return values;
}

void WriteTrace(const Json& settings, WireWriter& out) {
  for (const auto& [key, value] : settings.items()) {
    std::string texts;
    WireWriter writer(texts);
    for (const Json& text : value.is_array() ? value : Json::array({value})) {
      writer.Element(1, text.get_ref<const std::string&>());
    }
    std::string entry;
    WireWriter entries(entry);
    entries.Bytes(1, key);
    entries.Element(2, texts);
    out.Element(1, entry);
  }
}

Result<void> TraceSetting(const Environment& environment, const net::GrpcCall& call,
                          WireWriter& out) {
  TRY(texts, ReadStrings<2>(call.message(), "TraceSettingRequest"));
  std::string model;
  if (!texts[2].empty()) {
    TRY(service, FindAllowed(environment, call, NameOf(texts[2], "")));
    model = v2::FullName(*service);
  }
  TRY(settings, ReadSettings(call.message(), "TraceSettingRequest", ReadTraceValue));
  if (!settings.empty()) {
    TRY_VOID(CheckMaySet(environment, call));
    TRY_VOID(environment.v2.trace.Set(model, settings));
  }
  WriteTrace(environment.v2.trace.Get(model), out);
  return {};
}

// SettingValue of the log: bool 1, uint32 2, string 3.
Result<Json> ReadLogValue(std::string_view bytes) {
  Json value;
  WireReader reader(bytes);
  for (WireField field; reader.Next(field);) {
    if (field.Is(1, WireType::kVarint)) value = field.value != 0;
    if (field.Is(2, WireType::kVarint)) value = field.value;
    if (field.IsBytes(3)) value = v2::Utf8Of(field.bytes);
  }
  if (reader.is_broken()) return BrokenMessage("LogSettingsRequest");
  return value;
}

void WriteLog(const Json& settings, WireWriter& out) {
  for (const auto& [key, value] : settings.items()) {
    std::string text;
    WireWriter writer(text);
    if (value.is_boolean()) {
      writer.Number(1, value.get<bool>() ? 1 : 0);
    } else if (value.is_string()) {
      writer.Element(3, value.get_ref<const std::string&>());
    } else {
      writer.Number(2, value.get<uint64_t>());
    }
    std::string entry;
    WireWriter entries(entry);
    entries.Bytes(1, key);
    entries.Element(2, text);
    out.Element(1, entry);
  }
}

Result<void> LogSettings(const Environment& environment, const net::GrpcCall& call,
                         WireWriter& out) {
  TRY(settings, ReadSettings(call.message(), "LogSettingsRequest", ReadLogValue));
  if (!settings.empty()) {
    TRY_VOID(CheckMaySet(environment, call));
    TRY_VOID(environment.v2.log.Set(settings));
  }
  WriteLog(environment.v2.log.Get(), out);
  return {};
}

}  // namespace

void AddSettingMethods(Environment& environment, net::GrpcService& service) {
  AddPlain(InferencePath("TraceSetting"), TraceSetting, environment, service);
  AddPlain(InferencePath("LogSettings"), LogSettings, environment, service);
}

}  // namespace slipway::gateway::grpc
