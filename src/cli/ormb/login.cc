// slipway ormb login HOST
#include <memory>

#include <fmt/format.h>

#include "cli/input.h"
#include "cli/ormb/verbs.h"
#include "cli/output.h"
#include "cli/prompt.h"

namespace slipway::cli::ormb {
namespace {

constexpr uint64_t kMaxPasswordBytes = 8 << 10;

struct Options {
  std::string host;
  std::string user;
  std::string password;
  bool password_stdin = false;
  NetworkOptions network;
};

Result<std::string> AskFor(std::string_view question, Echo echo, std::string_view required) {
  auto answer = Ask(question, echo);
  if (!answer && answer.error().code() == Code::kCancelled) return answer;
  if (!answer) {
    return InvalidArgument("USAGE", "there is no terminal to ask at: use -u and --password-stdin");
  }
  if (answer->empty() && !required.empty()) {
    return InvalidArgument("USAGE", std::string(required) + " required");
  }
  return answer;
}

// A sign-in without a user name is an identity token.
oci::Credentials CredentialsOf(const std::string& user, std::string secret) {
  oci::Credentials credentials;
  credentials.user = user;
  (user.empty() ? credentials.identity_token : credentials.password) = std::move(secret);
  return credentials;
}

Result<oci::Credentials> Gather(const Options& options) {
  if (options.password_stdin) {
    TRY(text, ReadInput("-", kMaxPasswordBytes));
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    return CredentialsOf(options.user, std::move(text));
  }
  if (!options.password.empty()) {
    Note("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
    return CredentialsOf(options.user, options.password);
  }
  std::string user = options.user;
  if (user.empty()) {
    TRY(asked, AskFor("Username: ", Echo::kShown, ""));
    user = std::move(asked);
  }
  TRY(secret, user.empty() ? AskFor("Token: ", Echo::kHidden, "token")
                           : AskFor("Password: ", Echo::kHidden, "password"));
  return CredentialsOf(user, std::move(secret));
}

Result<void> Check(const std::string& host, const oci::Credentials& credentials,
                   const NetworkOptions& network) {
  TRY(options, ClientOptionsOf(host, network));
  options.user = credentials.user;
  options.password = credentials.password;
  options.identity_token = credentials.identity_token;
  return oci::Client(std::move(options)).Ping();
}

Result<void> Run(const GlobalOptions& global, const Options& options) {
  TRY(credentials, Gather(options));
  TRY(session, Session::Open(global));
  return Login(session, options.host, credentials, options.network);
}

}  // namespace

Result<void> Login(Session& session, const std::string& host, const oci::Credentials& credentials,
                   const NetworkOptions& network) {
  if (network.insecure) TRY_VOID(PrintLine("Login insecurely"));
  auto checked = Check(host, credentials, network);
  const bool is_no_https = !checked && checked.error().code() == Code::kUnavailable;
  if (is_no_https && network.insecure && !network.plain_http) {
    checked = Check(host, credentials, {.plain_http = true, .insecure = true});
  }
  if (!checked) return checked.error().Prefixed(host + ": ");
  TRY_VOID(session.credentials().Store(host, credentials));
  return PrintLine("Login succeeded");
}

void AddLogin(Command& command, const SharedOptions& global) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->host, "HOST", "registry host");
  command.Option(&options->user, "-u,--username", "USER", "registry username");
  command.Option(&options->password, "-p,--password", "PASSWORD",
                 "registry password or identity token; others can see it");
  command.Flag(&options->password_stdin, "--password-stdin",
               "read password or identity token from stdin");
  AddInsecure(command, &options->network);
  command.Run([global, options] { return Run(*global, *options); });
}

}  // namespace slipway::cli::ormb
