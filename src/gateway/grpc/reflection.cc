// grpc.reflection v1 and v1alpha, which are the same messages: what the .proto files beside this
// say, for clients that have none.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/grpc/descriptors.h"
#include "gateway/grpc/environment.h"
#include "gateway/limits.h"

namespace slipway::gateway::grpc {
namespace {

// The files of the descriptor set, found by name and by the symbols that they define.
class Files {
 public:
  explicit Files(std::string_view descriptor_set) {
    WireReader reader(descriptor_set);
    for (WireField field; reader.Next(field);) {
      if (field.IsBytes(1)) AddFile(field.bytes);
    }
    CHECK(!reader.is_broken());
  }

  // Both nothing if there is none. The file itself, without those that it imports.
  std::string_view ByName(std::string_view name) const { return Find(by_name_, name); }
  std::string_view BySymbol(std::string_view symbol) const { return Find(by_symbol_, symbol); }
  const std::vector<std::string>& services() const { return services_; }

 private:
  using Index = std::map<std::string, std::string_view, std::less<>>;

  static std::string_view Find(const Index& index, std::string_view key) {
    const auto found = index.find(key);
    return found == index.end() ? std::string_view() : found->second;
  }

  // FileDescriptorProto: name 1, package 2, message_type 4, enum_type 5, service 6.
  void AddFile(std::string_view file) {
    std::string package;
    WireReader first(file);
    for (WireField field; first.Next(field);) {
      if (field.IsBytes(1)) by_name_.emplace(field.bytes, file);
      if (field.IsBytes(2)) package = field.bytes;
    }
    WireReader second(file);
    for (WireField field; second.Next(field);) {
      if (field.IsBytes(4)) AddMessage(package, field.bytes, file);
      if (field.IsBytes(5)) AddSymbol(package, field.bytes, file);
      if (field.IsBytes(6)) AddService(package, field.bytes, file);
    }
  }

  // DescriptorProto, EnumDescriptorProto, ServiceDescriptorProto and MethodDescriptorProto: name 1.
  std::string AddSymbol(const std::string& scope, std::string_view symbol, std::string_view file) {
    std::string name = scope + ".";
    WireReader reader(symbol);
    for (WireField field; reader.Next(field);) {
      if (field.IsBytes(1)) name += field.bytes;
    }
    by_symbol_.emplace(name, file);
    return name;
  }

  // DescriptorProto: nested_type 3, enum_type 4.
  void AddMessage(const std::string& scope, std::string_view message, std::string_view file) {
    const std::string name = AddSymbol(scope, message, file);
    WireReader reader(message);
    for (WireField field; reader.Next(field);) {
      if (field.IsBytes(3)) AddMessage(name, field.bytes, file);
      if (field.IsBytes(4)) AddSymbol(name, field.bytes, file);
    }
  }

  // ServiceDescriptorProto: method 2.
  void AddService(const std::string& scope, std::string_view service, std::string_view file) {
    const std::string name = AddSymbol(scope, service, file);
    services_.push_back(name);
    WireReader reader(service);
    for (WireField field; reader.Next(field);) {
      if (field.IsBytes(2)) AddSymbol(name, field.bytes, file);
    }
  }

  Index by_name_;
  Index by_symbol_;
  std::vector<std::string> services_;
};

const Files& AllFiles() {
  static const Files kFiles(DescriptorSet());
  return kFiles;
}

// Of ServerReflectionResponse.
constexpr uint32_t kFileResponse = 4;
constexpr uint32_t kServicesResponse = 6;
constexpr uint32_t kErrorResponse = 7;

void WriteError(Code code, std::string_view text, WireWriter& out) {
  std::string error;
  WireWriter writer(error);
  writer.Varint(1, static_cast<uint64_t>(code));
  writer.Bytes(2, text);
  out.Element(kErrorResponse, error);
}

void WriteFile(std::string_view file, std::string_view what, WireWriter& out) {
  if (file.empty()) return WriteError(Code::kNotFound, what, out);
  std::string response;
  WireWriter(response).Element(1, file);
  out.Element(kFileResponse, response);
}

void WriteServices(WireWriter& out) {
  std::string response;
  WireWriter services(response);
  for (const std::string& name : AllFiles().services()) {
    std::string service;
    WireWriter(service).Bytes(1, name);
    services.Element(1, service);
  }
  out.Element(kServicesResponse, response);
}

// ServerReflectionRequest: host 1, file_by_filename 3, file_containing_symbol 4,
// file_containing_extension 5, all_extension_numbers_of_type 6, list_services 7.
Result<void> Reflect(std::string_view message, WireWriter& out) {
  WireField question;
  std::string_view host;
  WireReader reader(message);
  for (WireField field; reader.Next(field);) {
    if (field.IsBytes(1)) {
      host = field.bytes;
    } else if (field.type == WireType::kBytes) {
      question = field;
    }
  }
  if (reader.is_broken()) return BrokenMessage("ServerReflectionRequest");
  out.Bytes(1, host);
  out.Element(2, message);
  switch (question.number) {
    case 3:
      WriteFile(AllFiles().ByName(question.bytes), "there is no file of this name", out);
      break;
    case 4:
      WriteFile(AllFiles().BySymbol(question.bytes), "there is no symbol of this name", out);
      break;
    case 7:
      WriteServices(out);
      break;
    case 5:
    case 6:
      WriteError(Code::kNotFound, "there are no extensions", out);
      break;
    default:
      WriteError(Code::kInvalidArgument, "the request asks for nothing that is known", out);
      break;
  }
  return {};
}

Task<void> Reflection(net::GrpcCall& call) {
  while (co_await call.Read()) {
    WireWriter out(call.answer());
    const Result<void> reflected = Reflect(call.message(), out);
    if (reflected.has_error()) co_return call.Fail(reflected.error());
    call.DropMessage();
    if (!co_await call.Write()) break;
  }
  call.Finish();
}

}  // namespace

void AddReflectionMethods(net::GrpcService& service) {
  for (const char* version : {"v1", "v1alpha"}) {
    service.Add({.path = std::string("/grpc.reflection.") + version +
                         ".ServerReflection/ServerReflectionInfo",
                 .unary = nullptr,
                 .stream = Reflection,
                 .max_message_bytes = kMaxHealthMessageBytes});
  }
}

}  // namespace slipway::gateway::grpc
