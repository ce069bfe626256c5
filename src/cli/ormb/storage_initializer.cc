// slipway ormb-storage-initializer pull-and-export URI DIR: what a pod runs before its server. A
// link to the program that is named `ormb-storage-initializer` is this.
#include <cstdlib>
#include <memory>

#include <fmt/format.h>

#include "base/file_system.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/ormb/summary.h"
#include "cli/ormb/verbs.h"
#include "cli/output.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

using ormb::OrmbReference;

struct Options {
  std::string uri;
  std::string folder;
  bool relayout = true;
  ormb::NetworkOptions network{.plain_http = true, .insecure = true};
};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return value == nullptr ? "" : value;
}

// A pod that starts again finds what it made before: the new takes its place.
Result<void> Replace(FileSystem& files, const std::string& from, const std::string& to) {
  TRY_VOID(PrintLine(Printable(fmt::format("Moving {} to {}", from, to))));
  TRY(exists, files.Exists(to));
  if (exists) TRY_VOID(files.RemoveTree(to));
  return files.Rename(from, to);
}

// MLflow's files go up into the folder; of every other format `model` becomes the version 1.
Result<void> Relayout(const std::string& folder, const std::string& format) {
  FileSystem& files = PosixFileSystem();
  const std::string model = folder + "/model";
  if (format != "MLflow") {
    TRY_VOID(Replace(files, model, folder + "/1"));
    return files.SyncDirectory(folder);
  }
  TRY(names, files.List(model));
  for (const std::string& name : names) {
    if (name == "model") {  // it would take the place of what is being moved
      return FailedPrecondition("RELAYOUT_CLASH",
                                fmt::format("{}/model is in the way of {}/model", model, folder));
    }
    TRY_VOID(Replace(files, model + "/" + name, folder + "/" + name));
  }
  TRY_VOID(files.RemoveTree(model));
  return files.SyncDirectory(folder);
}

Result<void> SignIn(ormb::Session& session, const OrmbReference& reference,
                    const ormb::NetworkOptions& network) {
  const std::string user = Variable("ORMB_USERNAME");
  TRY_VOID(PrintLine(Printable(fmt::format("Logging to the remote registry {}", reference.host))));
  TRY_VOID(PrintLine(Printable(fmt::format("Username: {}", user))));
  // Without a name nobody signs in: the registry lets everyone pull.
  if (user.empty()) return {};
  return ormb::Login(session, reference.host, {.user = user, .password = Variable("ORMB_PASSWORD")},
                     network);
}

Result<void> PullAndExport(const Options& options) {
  TRY(reference, OrmbReference::Parse(options.uri));
  const std::string root = AbsolutePath(Variable("ROOTPATH").empty() ? "." : Variable("ROOTPATH"));
  TRY_VOID(PrintLine(Printable(fmt::format("Using {} as the root path", root))));
  TRY(session, ormb::Session::OpenAt(root));
  TRY_VOID(SignIn(session, reference, options.network));
  TRY_VOID(ormb::Pull(session, reference, options.network));
  const std::string folder = AbsolutePath(options.folder);
  TRY_VOID(ormb::Export(session, reference, folder));
  if (!options.relayout) return {};
  TRY(entry, session.Find(reference));
  TRY(summary, ormb::ReadSummary(session.store(), reference, entry));
  return Relayout(folder, summary.format);
}

}  // namespace

void AddOrmbStorageInitializer(Command& command, Client&) {
  auto options = std::make_shared<Options>();
  Command& pull = command.Sub("pull-and-export", "Pull and export the model");
  pull.Positional(&options->uri, "URI", "HOST/PROJECT/NAME:TAG");
  pull.Positional(&options->folder, "DIR", "where its files go");
  pull.Flag(&options->relayout, "--relayout", "relayout data for model serving (true)");
  pull.Flag(&options->network.plain_http, "--plain-http", "use plain http and not https (true)");
  ormb::AddInsecure(pull, &options->network);
  pull.Run([options] { return PullAndExport(*options); });
  ormb::AddVersion(command.Sub("version", "Show the version information"), nullptr);
}

}  // namespace slipway::cli
