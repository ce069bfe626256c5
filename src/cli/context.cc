// slipway context add|list|show|use|remove
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

struct AddOptions {
  Context context;
  bool use = false;
};

struct Stored {
  std::string path;
  ContextsFile file;
  Result<void> Save() const { return WriteContexts(PosixFileSystem(), path, file); }
};

Result<Stored> Load() {
  TRY(path, ContextsPath());
  TRY(file, ReadContexts(PosixFileSystem(), path));
  return Stored{.path = std::move(path), .file = std::move(file)};
}

Result<void> Add(const Client& client, const AddOptions& options) {
  TRY(format, client.OutputFormat());
  Context context = options.context;
  if (!context.token_file.empty()) context.token_file = AbsolutePath(context.token_file);
  if (!context.ca_file.empty()) context.ca_file = AbsolutePath(context.ca_file);
  if (!context.cert_file.empty()) context.cert_file = AbsolutePath(context.cert_file);
  if (!context.key_file.empty()) context.key_file = AbsolutePath(context.key_file);
  TRY_VOID(CheckContext(context));
  TRY_VOID(CheckClientCertificate(context));
  if (!context.ca_file.empty()) {
    TRY_VOID(CheckAuthorities(PosixFileSystem(), context.ca_file));
  }
  TRY(stored, Load());
  bool use = options.use || stored.file.current.empty();
  if (use) stored.file.current = context.name;
  std::string text =
      fmt::format("context {} saved{}", context.name, use ? ", it is in use now" : "");
  stored.file.Put(context);
  TRY_VOID(stored.Save());
  return PrintOutcome(format, Encode(context), context.name, text);
}

Result<void> Use(const Client& client, const std::string& name) {
  TRY(format, client.OutputFormat());
  TRY(stored, Load());
  TRY(context, ChooseContext(stored.file, name));
  stored.file.current = context.name;
  TRY_VOID(stored.Save());
  return PrintOutcome(format, Encode(context), name, fmt::format("context {} is in use now", name));
}

Result<void> Remove(const Client& client, const std::string& name) {
  TRY(format, client.OutputFormat());
  TRY(stored, Load());
  TRY(context, ChooseContext(stored.file, name));
  std::erase_if(stored.file.contexts, [&](const Context& c) { return c.name == name; });
  if (stored.file.current == name) stored.file.current.clear();
  TRY_VOID(stored.Save());
  return PrintOutcome(format, Encode(context), name, fmt::format("context {} removed", name));
}

Result<void> List(const Client& client) {
  TRY(format, client.OutputFormat());
  TRY(stored, Load());
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson(Encode(stored.file), format);
  }
  Table table({"IN USE", "NAME", "ADDRESS", "INFERENCE", "TOKEN FILE"});
  for (const Context& context : stored.file.contexts) {
    if (format == Format::kName) {
      TRY_VOID(PrintLine(Printable(context.name)));
      continue;
    }
    table.Add({context.name == stored.file.current ? "*" : " ", context.name, context.address,
               context.inference, context.token_file});
  }
  if (stored.file.contexts.empty()) Note("there are no contexts");
  return Print(table.Text());
}

// `wanted`: a name, or empty for --context, SLIPWAY_CONTEXT or the current one.
Result<void> Show(Client& client, const std::string& wanted) {
  TRY(format, client.OutputFormat());
  TRY(stored, Load());
  TRY(context, ChooseContext(stored.file, wanted.empty() ? client.options().context : wanted));
  if (format == Format::kName) return PrintLine(Printable(context.name));
  Format shown = format == Format::kJson ? Format::kJson : Format::kYaml;
  return PrintJson(Encode(context), shown);
}

void AddAdd(Command& command, const Client& client) {
  auto options = std::make_shared<AddOptions>();
  command.Positional(&options->context.name, "NAME", "Name of the context");
  command.Option(&options->context.address, "--address", "URL", "API and registry",
                 Need::kRequired);
  command.Option(&options->context.inference, "--inference", "URL", "Data plane");
  command.Option(&options->context.token_file, "--token-file", "FILE", "File with the token");
  command.Option(&options->context.ca_file, "--ca-file", "FILE",
                 "Trust these certificate authorities alone (PEM; the system's)");
  command.Option(&options->context.cert_file, "--cert", "FILE",
                 "Client certificate (PEM), for a server that wants one");
  command.Option(&options->context.key_file, "--key", "FILE", "Its key (in the file of --cert)");
  command.Flag(&options->context.insecure, "--insecure", "Allow http to another machine");
  command.Flag(&options->use, "--use", "Use it from now on");
  command.Example(
      "context add lab --address https://lab.example:8080 --token-file lab.token --use");
  command.Example(
      "context add lab --address https://lab.example:8080 --inference https://lab.example:8000 "
      "--token-file lab.token --ca-file lab-ca.crt");
  command.Run([&client, options] { return Add(client, *options); });
}

}  // namespace

void AddContext(Command& command, Client& client) {
  AddAdd(command.Sub("add", "Add or replace a context"), client);

  Command& list = command.Sub("list", "List contexts");
  list.Example("context list");
  list.Run([&client] { return List(client); });

  auto name = std::make_shared<std::string>();
  Command& show = command.Sub("show", "Show one context");
  show.Positional(name.get(), "NAME", "Which one (that in use)", Need::kOptional);
  show.Example("context show -o json");
  show.Run([&client, name] { return Show(client, *name); });

  Command& use = command.Sub("use", "Use a context from now on");
  use.Positional(name.get(), "NAME", "Which one");
  use.Example("context use lab");
  use.Run([&client, name] { return Use(client, *name); });

  Command& remove = command.Sub("remove", "Forget a context");
  remove.Positional(name.get(), "NAME", "Which one");
  remove.Example("context remove lab");
  remove.Run([&client, name] { return Remove(client, *name); });
}

}  // namespace slipway::cli
