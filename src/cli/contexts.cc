#include "cli/contexts.h"

#include <cstdlib>
#include <filesystem>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/format_check.h"
#include "net/tls_files.h"

namespace slipway::cli {
namespace {

constexpr uint64_t kMaxFileBytes = 1 << 20;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return value == nullptr ? "" : value;
}

bool IsLoopback(const boost::urls::url_view& url) {
  switch (url.host_type()) {
    case boost::urls::host_type::ipv4:
      return url.host_ipv4_address().is_loopback();
    case boost::urls::host_type::ipv6:
      return url.host_ipv6_address().is_loopback();
    default:
      return url.host_name() == "localhost";
  }
}

Result<void> CheckAddress(std::string_view field, std::string_view address, bool insecure) {
  auto url = boost::urls::parse_uri(address);
  bool simple = url && (url->scheme() == "http" || url->scheme() == "https") &&
                !url->encoded_host().empty() && !url->has_userinfo() && !url->has_query() &&
                !url->has_fragment() && (url->encoded_path().empty() || url->encoded_path() == "/");
  if (!simple) {
    return InvalidArgument("ADDRESS_INVALID",
                           fmt::format("{}: \"{}\" is no address of the form http://HOST:PORT or "
                                       "https://HOST:PORT",
                                       field, address));
  }
  if (url->scheme() == "http" && !insecure && !IsLoopback(*url)) {
    return InvalidArgument("ADDRESS_INSECURE",
                           fmt::format("{}: http to {} would send the token readable; use https, "
                                       "or say --insecure",
                                       field, std::string(url->encoded_host())));
  }
  return {};
}

}  // namespace

const Context* ContextsFile::Find(std::string_view name) const {
  for (const Context& context : contexts) {
    if (context.name == name) return &context;
  }
  return nullptr;
}

void ContextsFile::Put(Context context) {
  for (Context& existing : contexts) {
    if (existing.name == context.name) {
      existing = std::move(context);
      return;
    }
  }
  contexts.push_back(std::move(context));
}

Result<std::string> ContextsPath() {
  std::string folder = Environment("XDG_CONFIG_HOME");
  if (!folder.starts_with('/')) {
    std::string home = Environment("HOME");
    if (!home.starts_with('/')) {
      return FailedPrecondition("HOME_MISSING",
                                "no folder for contexts.json: set HOME or XDG_CONFIG_HOME");
    }
    folder = home + "/.config";
  }
  return folder + "/slipway/contexts.json";
}

Result<ContextsFile> ReadContexts(FileSystem& files, const std::string& path) {
  TRY(exists, files.Exists(path));
  if (!exists) return ContextsFile{};
  TRY(text, ReadWholeFile(files, path, kMaxFileBytes));
  auto with_path = [&](const Error& error) {
    return Error(
        error.code(), error.reason(),
        fmt::format("{}: {}; mend it, or move it away and begin anew with `slipway context "
                    "add NAME --address URL --token-file FILE --use`",
                    path, error.message()),
        error.details());
  };
  Result<Json> json = ParseJson(text);
  if (!json) return with_path(json.error());
  // The format first: a newer file may have what this program does not know.
  if (json->is_object() && json->contains("format") && json->at("format").is_number_integer() &&
      json->at("format").get<int64_t>() > kContextsFormat) {
    return FailedPrecondition("FORMAT_NEWER",
                              path + " was written by a newer program: use that one");
  }
  Result<ContextsFile> file = Decode<ContextsFile>(*json);
  if (!file) return with_path(file.error());
  return file;
}

Result<void> WriteContexts(FileSystem& files, const std::string& path, const ContextsFile& file) {
  TRY_VOID(files.MakeDirectories(std::filesystem::path(path).parent_path().string()));
  return WriteFileDurably(files, path, DumpJsonPretty(Encode(file)) + "\n", 0600);
}

Result<Context> ChooseContext(const ContextsFile& file, std::string_view wanted) {
  std::string_view name = wanted.empty() ? std::string_view(file.current) : wanted;
  if (name.empty()) {
    return FailedPrecondition("CONTEXT_MISSING",
                              "no control centre is chosen: `slipway context add NAME --address "
                              "URL --token-file FILE --use` names one");
  }
  if (const Context* context = file.Find(name)) return *context;
  return NotFound("CONTEXT_UNKNOWN",
                  fmt::format("there is no context {}; `slipway context list` shows those there "
                              "are",
                              name));
}

Result<void> CheckAuthorities(FileSystem& files, const std::string& ca_file) {
  Result<std::string> text = ReadWholeFile(files, ca_file, kMaxFileBytes);
  if (!text) return text.error().Prefixed("--ca-file: ");
  if (text->find("-----BEGIN CERTIFICATE-----") != std::string::npos) return {};
  return InvalidArgument("CA_FILE_INVALID",
                         fmt::format("--ca-file: there is no certificate in PEM form in {}; ask "
                                     "whoever runs the control centre for that of its authority",
                                     ca_file));
}

Result<void> CheckClientCertificate(const Context& context) {
  if (context.cert_file.empty() && context.key_file.empty()) return {};
  if (context.cert_file.empty()) {
    return InvalidArgument("CERT_MISSING", "--key: name the certificate that it is of with --cert");
  }
  const bool has_key = !context.key_file.empty();
  const Result<void> checked =
      net::CheckTlsFiles({.certificate = context.cert_file,
                          .key = has_key ? context.key_file : context.cert_file,
                          .client_authorities = {}});
  return checked ? checked : checked.error().Prefixed(has_key ? "--cert, --key: " : "--cert: ");
}

Result<void> CheckContext(const Context& context) {
  TRY_VOID(CheckFormat("name", context.name, "name"));
  TRY_VOID(CheckAddress("address", context.address, context.insecure));
  if (!context.inference.empty()) {
    TRY_VOID(CheckAddress("inference", context.inference, context.insecure));
  }
  return {};
}

}  // namespace slipway::cli
