// slipway model generate-key-pair
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "cli/input.h"
#include "cli/model/keys.h"
#include "cli/model/verbs.h"
#include "cli/text.h"
#include "trust/sealed_key.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string prefix = "cosign";
  bool password_stdin = false;
};

// A file that is there is never replaced: what was signed with it could not be checked any more.
Result<void> WriteNew(const std::string& path, std::string_view content, int mode) {
  TRY(file, PosixFileSystem().Open(
                path, {.write = true, .create = true, .exclusive = true, .mode = mode}));
  TRY_VOID(file->WriteAt(0, content));
  return file->Sync();
}

Result<void> Generate(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  FileSystem& files = PosixFileSystem();
  const std::string private_path = AbsolutePath(options.prefix + ".key");
  const std::string public_path = AbsolutePath(options.prefix + ".pub");
  for (const std::string& path : {private_path, public_path}) {
    TRY(exists, files.Exists(path));
    if (exists) {
      return AlreadyExists("FILE_EXISTS",
                           fmt::format("{} is there already; move it away, or choose another name "
                                       "with --output-key-prefix",
                                       Printable(path)));
    }
  }
  TRY(password, KeyPassword(options.password_stdin, PasswordUse::kNewKey));
  const trust::SigningKey key = trust::SigningKey::Generate();
  const std::string sealed = key.SealedPem(password, SystemRandom());
  trust::Wipe(password);
  TRY_VOID(WriteNew(private_path, sealed, 0600));
  TRY_VOID(WriteNew(public_path, key.public_key().Pem(), 0644));
  TRY_VOID(files.SyncDirectory(private_path.substr(0, private_path.rfind('/') + 1)));
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson({{"privateKey", private_path},
                      {"publicKey", public_path},
                      {"key", key.public_key().fingerprint()}},
                     format);
  }
  if (format == Format::kName) return PrintLine(Printable(public_path));
  return PrintLine(
      Printable(fmt::format("made {} (keep it) and {} (hand it out)", private_path, public_path)));
}

}  // namespace

void AddGenerateKeyPair(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Option(&options->prefix, "--output-key-prefix", "PREFIX",
                 "Name of the files PREFIX.key and PREFIX.pub (cosign)");
  command.Flag(&options->password_stdin, "--password-stdin",
               "Take the password from standard input");
  command.Example("model generate-key-pair");
  command.Example("model generate-key-pair --output-key-prefix ci --password-stdin < ci.password");
  command.Run([&client, options] { return Generate(client, *options); });
}

}  // namespace slipway::cli
