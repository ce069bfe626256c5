// Contexts: the control centres that this user talks to, kept in
// ${XDG_CONFIG_HOME:-~/.config}/slipway/contexts.json. docs/formats/contexts.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/describe.h"
#include "base/file_system.h"
#include "base/result.h"

namespace slipway::cli {

inline constexpr int32_t kContextsFormat = 1;

// The token itself is never kept here: `token_file` names the file that holds it.
struct Context {
  std::string name;
  std::string address;    // of API and registry: "https://slipway.example:8080"
  std::string inference;  // of the data plane: "https://slipway.example:8000"
  std::string ca_file;    // PEM, nobody else is trusted; empty: the system's authorities
  std::string token_file;
  bool insecure = false;  // http to another machine was asked for
  // PEM, of this user, shown to a server that wants one; the key may be in the same file.
  std::string cert_file = {};
  std::string key_file = {};
};
BOOST_DESCRIBE_STRUCT(Context, (),
                      (name, address, inference, ca_file, token_file, insecure, cert_file,
                       key_file))

struct ContextsFile {
  int32_t format = kContextsFormat;
  std::string current;
  std::vector<Context> contexts;

  const Context* Find(std::string_view name) const;
  // Replaces the context of that name, or adds it.
  void Put(Context context);
};
BOOST_DESCRIBE_STRUCT(ContextsFile, (), (format, current, contexts))

// FAILED_PRECONDITION / HOME_MISSING if neither XDG_CONFIG_HOME nor HOME is an absolute path.
Result<std::string> ContextsPath();
// A missing file is an empty list. FAILED_PRECONDITION / FORMAT_NEWER for a newer program's file.
Result<ContextsFile> ReadContexts(FileSystem& files, const std::string& path);
// The file gets mode 0600.
Result<void> WriteContexts(FileSystem& files, const std::string& path, const ContextsFile& file);

// `wanted` if it is not empty, else the file's current one. NOT_FOUND / CONTEXT_UNKNOWN, or
// FAILED_PRECONDITION / CONTEXT_MISSING with what to do.
Result<Context> ChooseContext(const ContextsFile& file, std::string_view wanted);

// Name, addresses, and that a token does not cross the network readable unless that was asked for.
Result<void> CheckContext(const Context& context);

// That its client certificate and key, where it has them, belong together. INVALID_ARGUMENT /
// CERT_MISSING for a key alone, FAILED_PRECONDITION / TLS_CERTIFICATE or TLS_KEY_EXPOSED.
Result<void> CheckClientCertificate(const Context& context);

// That a file of authorities can be read and has a certificate in it. INVALID_ARGUMENT /
// CA_FILE_INVALID, or why it cannot be read.
Result<void> CheckAuthorities(FileSystem& files, const std::string& ca_file);

}  // namespace slipway::cli

template <>
struct slipway::Description<slipway::cli::Context> {
  static constexpr std::string_view kText = "One control centre.";
  static constexpr FieldText kFields[] = {
      {.name = "name", .text = "Name of the context.", .required = true, .min = 1, .max = 63},
      {.name = "address", .text = "Address of API and registry.", .required = true},
      {.name = "inference", .text = "Address of the data plane."},
      {.name = "ca_file", .text = "File of certificate authorities."},
      {.name = "token_file", .text = "File with the token."},
      {.name = "insecure", .text = "Whether http to another machine is allowed."},
      {.name = "cert_file", .text = "File with the client certificate."},
      {.name = "key_file", .text = "File with its key."},
  };
};

template <>
struct slipway::Description<slipway::cli::ContextsFile> {
  static constexpr std::string_view kText = "The contexts of a user.";
  static constexpr FieldText kFields[] = {
      {.name = "format", .text = "Version of the file's format.", .required = true},
      {.name = "current", .text = "Name of the context in use."},
      {.name = "contexts", .text = "All contexts."},
  };
};
