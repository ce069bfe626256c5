// slipway login HOST
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/prompt.h"
#include "cli/sign_in.h"
#include "cli/text.h"
#include "oci/client.h"

namespace slipway::cli {
namespace {

constexpr uint64_t kMaxPasswordBytes = 8 << 10;

struct Options {
  std::string host;
  std::string user;
  bool password_stdin = false;
  std::string ca_file;
};

Result<std::string> UserOf(const Options& options) {
  if (!options.user.empty()) return options.user;
  if (options.password_stdin) {
    return InvalidArgument("USAGE", "-u: is missing; --password-stdin takes the password alone");
  }
  auto user = Ask(fmt::format("User name at {}: ", Printable(options.host)), Echo::kShown);
  if (user && user->empty()) return InvalidArgument("USAGE", "-u: the user name is empty");
  if (user || user.error().code() == Code::kCancelled) return user;
  return InvalidArgument("USAGE", "-u: is missing, and there is no terminal to ask at");
}

Result<std::string> PasswordOf(const Options& options) {
  if (options.password_stdin) {
    TRY(text, ReadInput("-", kMaxPasswordBytes));
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    if (text.empty()) return InvalidArgument("USAGE", "--password-stdin: nothing came");
    return text;
  }
  auto password = Ask("Password or token: ", Echo::kHidden);
  if (password && password->empty()) return InvalidArgument("USAGE", "the password is empty");
  if (password || password.error().code() == Code::kCancelled) return password;
  return InvalidArgument("USAGE",
                         "there is no terminal to ask for the password at; give it with "
                         "--password-stdin");
}

Result<void> CheckPassword(const std::string& host, const std::string& ca_file,
                           const oci::Credentials& credentials) {
  TRY(options, OptionsOfRegistry(host, ca_file));
  options.user = credentials.user;
  options.password = credentials.password;
  auto answered = oci::Client(std::move(options)).Ping();
  return answered ? answered : answered.error().Prefixed(Printable(host) + ": ");
}

Result<void> Login(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckRegistryHost(options.host));
  TRY(store, OpenCredentials());
  TRY(user, UserOf(options));
  if (user.find(':') != std::string::npos) {
    return InvalidArgument("USAGE", "-u: a user name has no colon");
  }
  TRY(password, PasswordOf(options));
  const oci::Credentials credentials{.user = user, .password = std::move(password)};
  TRY_VOID(CheckPassword(options.host, options.ca_file, credentials));
  if (!options.ca_file.empty()) {
    TRY(kept, KeepRegistryAuthority(options.host, options.ca_file));
    Note(Printable(fmt::format("{} is trusted for {} from now on", kept, options.host)));
  }
  TRY(place, store.Store(options.host, credentials));
  if (format == Format::kName) return PrintLine(options.host);
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson(
        {{"host", options.host}, {"user", user}, {"file", place.file}, {"helper", place.helper}},
        format);
  }
  return PrintLine(Printable(
      fmt::format("signed in to {} as {}; kept in {}", options.host, user, PlaceText(place))));
}

}  // namespace

void AddLogin(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->host, "HOST", "Registry: HOST or HOST:PORT");
  command.Option(&options->user, "-u,--username", "USER", "User name (asked for on a terminal)");
  command.Flag(&options->password_stdin, "--password-stdin",
               "Take the password or token from standard input");
  command.Option(
      &options->ca_file, "--ca-file", "FILE",
      "Certificate authority (PEM) of this registry; kept for later in containers/certs.d "
      "of the user's configuration, where Podman and others look, too");
  command.Example("login registry.example -u me");
  command.Example("login 10.0.0.7:5000 -u me --ca-file ca.pem");
  command.Example("login registry.example:5000 -u ci --password-stdin < ci.token");
  command.Run([&client, options] { return Login(client, *options); });
}

}  // namespace slipway::cli
