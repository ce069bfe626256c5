#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/crash_point.h"
#include "base/json.h"
#include "klever/core.h"
#include "klever/limits.h"
#include "klever/upload/checksum.h"
#include "klever/upload/content_range.h"
#include "klever/upload/packing.h"
#include "klever/upload/upload_desk.h"
#include "klever/upload/upload_metadata.h"
#include "model/layer_content.h"
#include "net/multipart.h"
#include "oci/reference.h"
#include "trust/access.h"

namespace slipway::klever {
namespace {

using net::HttpRequest;
using net::HttpResponse;

// Where the bytes of the form's field `file` go.
using Sink = std::function<Result<void>(std::string_view bytes)>;

struct Form {
  std::string model;  // as it came; empty: the field was not there
  bool has_file = false;
};

// The file to its end, in pieces of constant size, off the connection's core.
Task<Result<void>> TakeFile(Core& core, net::MultipartReader& form, const Sink& sink) {
  std::string piece(kPieceBytes, '\0');
  while (true) {
    size_t filled = 0;
    Result<void> read;
    while (filled < piece.size()) {
      const Result<size_t> count = co_await form.Read(piece.data() + filled, piece.size() - filled);
      if (!count) read = count.error();
      if (!count || *count == 0) break;
      filled += *count;
    }
    // What came before an error is of use: the client may go on from there.
    if (filled > 0) {
      const std::string_view bytes(piece.data(), filled);
      CO_TRY_VOID(co_await core.pool().Run([&sink, bytes] { return sink(bytes); }));
    }
    if (!read) co_return read.error();
    if (filled < piece.size()) co_return Result<void>();
  }
}

Result<void> CheckField(const Form& form, const net::PartHead& part) {
  const bool known = part.name == "model" || part.name == "file";
  const bool twice =
      (part.name == "model" && !form.model.empty()) || (part.name == "file" && form.has_file);
  if (known && !twice) return {};
  return Error(Code::kInvalidArgument, "FORM_INVALID",
               known ? "the form has the field `" + part.name + "` twice."
                     : "the form has a field `" + part.name.substr(0, 100) +
                           "`; it takes `model` (JSON) and `file` (a zip).",
               {{"field", part.name.substr(0, 100)}});
}

Task<Result<Form>> TakeForm(Core& core, const HttpRequest& request, HashingBody& body,
                            const Sink& sink) {
  CO_TRY(reader, net::MultipartReader::Open(body, request.Header("Content-Type").value_or("")));
  Form form;
  while (true) {
    CO_TRY(part, co_await reader.Next());
    if (!part) break;
    CO_TRY_VOID(CheckField(form, *part));
    if (part->name == "model") {
      CO_TRY(text, co_await reader.ReadAll(kMaxModelJsonBytes));
      CO_TRY_VOID(ParseUploadModel(text));
      form.model = std::move(text);
    } else {
      form.has_file = true;
      CO_TRY_VOID(co_await TakeFile(core, reader, sink));
    }
  }
  if (form.has_file) co_return form;
  co_return Error(Code::kInvalidArgument, "FORM_INVALID",
                  "the form has no field `file` with a zip.", {{"field", "file"}});
}

Result<void> CheckContent(HashingBody& body, const StatedChecksums& stated) {
  if (!stated.content) return {};
  const Digest found = body.Finish();
  if (found == *stated.content) return {};
  return Error(Code::kInvalidArgument, "CHECKSUM_MISMATCH",
               "the body that came has another SHA-256 than Content-Digest says; send it again.",
               {{"field", "Content-Digest"}});
}

// Whoever may not make the project is told before he sends the model.
Task<Result<void>> CheckProject(Core& core, const HttpRequest& request,
                                const std::string& project) {
  const Result<resource::Resource> found =
      co_await core.options.resources->Get({.kind = "Project", .project = {}, .name = project});
  if (found) co_return Result<void>();
  if (found.error().code() != Code::kNotFound) co_return found.error();
  co_return trust::CheckAccess(net::Access::kRegistryPush, request.context.identity, project,
                               false);
}

Result<VersionName> VersionOf(const HttpRequest& request) {
  TRY(name, VersionNameOf(request.Parameter("project"), request.Parameter("model"),
                          request.Parameter("version")));
  TRY_VOID(oci::CheckTag(name.version));
  return name;
}

registry::NewArtifact ArtifactOf(FileSystem& files, const model::Package& package,
                                 const std::string& tag) {
  registry::NewArtifact artifact{.blobs = {}, .manifest = package.manifest, .tags = {tag}};
  for (const model::PackageLayer& layer : package.layers) {
    auto content = std::make_shared<model::LayerContent>(files, package, layer);
    artifact.blobs.push_back({.digest = layer.digest,
                              .size_bytes = layer.size_bytes,
                              .read = [content](uint64_t offset, char* out, size_t size) {
                                return content->Read(offset, out, size);
                              }});
  }
  artifact.blobs.push_back(
      {.digest = package.config_digest,
       .size_bytes = package.config.size(),
       .read = [&package](uint64_t offset, char* out, size_t size) -> Result<size_t> {
         return package.config.copy(out, size, static_cast<size_t>(offset));
       }});
  return artifact;
}

struct Delivery {
  VersionName name;
  std::string zip_path;
  std::optional<Digest> checksum;
  std::string model;  // the form's field
};

Task<Result<Digest>> PackAndPublish(Core& core, const CallContext& context,
                                    const Delivery& delivery, const std::string& work_folder) {
  PackingOrder order{.zip_path = delivery.zip_path,
                     .checksum = delivery.checksum,
                     .model = Json::object(),
                     .subject = context.identity.subject,
                     .work_folder = work_folder};
  if (!delivery.model.empty()) {
    CO_TRY(model, ParseUploadModel(delivery.model));
    order.model = std::move(model);
  }
  FileSystem& files = *core.options.files;
  CO_TRY(package, co_await core.packing.Run(
                      [&] { return PackUpload(files, order, core.uploads.reserve()); }));
  co_return co_await core.options.registry->Publish(
      context, delivery.name.repository, ArtifactOf(files, package, delivery.name.version));
}

// The zip becomes the version; what was made on the way goes, whatever becomes of it.
Task<Result<Digest>> Deliver(Core& core, const CallContext& context, const Delivery& delivery) {
  CO_TRY(folder, co_await core.pool().Run([&core] { return core.uploads.MakeWorkFolder(); }));
  Result<Digest> done = co_await PackAndPublish(core, context, delivery, folder);
  co_await core.pool().Run([&] { return core.options.files->RemoveTree(folder); });
  co_return done;
}

HttpResponse Created(const Digest& digest) {
  HttpResponse response = HttpResponse::Empty(201);
  response.headers = {{"Upload-Complete", "?1"}, {"Docker-Content-Digest", digest.text()}};
  return response;
}

// --- one request with all of the file ---

Task<Result<HttpResponse>> TakeWhole(Core& core, HttpRequest& request, const VersionName& name,
                                     const std::string& folder) {
  CO_TRY(stated, ReadChecksums(request));
  const std::string path = folder + "/upload.zip";
  CO_TRY(file, co_await core.pool().Run([&] {
    return core.options.files->Open(path, {.write = true, .create = true});
  }));
  uint64_t offset = 0;
  const Sink sink = [&](std::string_view bytes) -> Result<void> {
    if (bytes.size() > kMaxUploadBytes - offset) {
      return ResourceExhausted("UPLOAD_TOO_LARGE", "an upload may have at most " +
                                                       std::to_string(kMaxUploadBytes) + " bytes.");
    }
    TRY_VOID(core.uploads.reserve().Check(bytes.size()));
    TRY_VOID(file->WriteAt(offset, bytes));
    offset += bytes.size();
    return {};
  };
  HashingBody body(*request.body);
  CO_TRY(form, co_await TakeForm(core, request, body, sink));
  CO_TRY_VOID(CheckContent(body, stated));
  const Delivery delivery{
      .name = name, .zip_path = path, .checksum = stated.file, .model = form.model};
  CO_TRY(digest, co_await Deliver(core, request.context, delivery));
  co_return Created(digest);
}

Task<Result<HttpResponse>> UploadWhole(Core& core, HttpRequest& request, const VersionName& name) {
  CO_TRY(folder, co_await core.pool().Run([&core] { return core.uploads.MakeWorkFolder(); }));
  Result<HttpResponse> response = co_await TakeWhole(core, request, name, folder);
  co_await core.pool().Run([&] { return core.options.files->RemoveTree(folder); });
  co_return response;
}

// --- one of several requests ---

std::string Ranges(const std::vector<Span>& spans) {
  std::string text;
  for (const Span& span : spans) {
    text +=
        (text.empty() ? "" : ",") + std::to_string(span.begin) + "-" + std::to_string(span.end - 1);
  }
  return text;
}

Json RangesJson(const std::vector<Span>& spans) {
  Json ranges = Json::array();
  for (const Span& span : spans) {
    ranges.push_back({{"first", span.begin}, {"last", span.end - 1}});
  }
  return ranges;
}

// How far the upload is, in headers that a HEAD shows, too.
void AddProgress(const ChunkedUpload& upload, HttpResponse& response) {
  const std::vector<Span> missing = upload.present().Missing(upload.record().total_bytes);
  response.headers.emplace_back("Upload-Complete", "?0");
  const uint64_t first = missing.empty() ? upload.record().total_bytes : missing.front().begin;
  response.headers.emplace_back("Upload-Offset", std::to_string(first));
}

HttpResponse Progress(const ChunkedUpload& upload) {
  HttpResponse response = HttpResponse::Empty(201);
  AddProgress(upload, response);
  return response;
}

// Errors of the bytes themselves: no other words beside them make them good.
bool IsUseless(const Error& error) {
  for (const std::string_view reason : {"CHECKSUM_MISMATCH", "NOT_A_ZIP", "PATH_INVALID",
                                        "ENTRY_REFUSED", "ARCHIVE_INVALID", "ARCHIVE_TOO_LARGE"}) {
    if (error.reason() == reason) return true;
  }
  return false;
}

// Of an upload on which BeginFinish was called.
Task<Result<HttpResponse>> FinishChunked(Core& core, const HttpRequest& request,
                                         const VersionName& name,
                                         std::shared_ptr<ChunkedUpload> upload) {
  const UploadRecord record = upload->record();
  Delivery delivery{.name = name,
                    .zip_path = upload->data_path(),
                    .checksum = std::nullopt,
                    .model = record.model};
  if (!record.sha256.empty()) {
    CO_TRY(digest, Digest::Parse("sha256:" + record.sha256));
    delivery.checksum = std::move(digest);
  }
  const Result<Digest> done = co_await Deliver(core, request.context, delivery);
  if (done || IsUseless(done.error())) {
    co_await core.pool().Run([&] { return core.uploads.Remove(*upload); });
  } else {
    upload->EndFinish();
  }
  if (!done) co_return done.error();
  co_return Created(*done);
}

// The bytes of this request, promised when it answers. After an error of the connection those that
// came are promised, too.
Task<Result<void>> TakeChunk(Core& core, HttpRequest& request, const ContentRange& range,
                             std::shared_ptr<ChunkedUpload> upload) {
  CO_TRY(stated, ReadChecksums(request));
  CO_TRY(chunk, UploadChunk::Begin(upload, range.span));
  const Sink sink = [&](std::string_view bytes) { return chunk->Write(bytes); };
  HashingBody body(*request.body);
  const Result<Form> form = co_await TakeForm(core, request, body, sink);
  if (!form) {
    const bool broken = form.error().code() == Code::kCancelled ||
                        form.error().reason() == "BODY_TIMEOUT" ||
                        form.error().reason() == "BODY_TRUNCATED";
    if (broken && !stated.content) co_await core.pool().Run([&] { return chunk->Keep(); });
    co_return form.error();
  }
  CO_TRY_VOID(CheckContent(body, stated));
  if (!chunk->whole()) {
    co_return InvalidArgument("SIZE_INVALID", "the file of this request has " +
                                                  std::to_string(chunk->missing_bytes()) +
                                                  " bytes fewer than its Content-Range says.");
  }
  CO_TRY_VOID(co_await core.pool().Run([&]() -> Result<void> {
    TRY_VOID(upload->State(form->model, stated.file));
    return chunk->Keep();
  }));
  co_return Result<void>();
}

Task<Result<HttpResponse>> UploadChunk(Core& core, HttpRequest& request, const VersionName& name,
                                       const ContentRange& range) {
  UploadRecord wanted{.repository = name.repository,
                      .version = name.version,
                      .subject = request.context.identity.subject,
                      .total_bytes = range.total_bytes,
                      .model = {},
                      .sha256 = {},
                      .ranges = {}};
  CO_TRY(upload,
         co_await core.pool().Run([&] { return core.uploads.FindOrBegin(std::move(wanted)); }));
  const Result<void> taken = co_await TakeChunk(core, request, range, upload);
  if (!taken) {
    // A request that brought nothing does not keep others from the version.
    if (upload->BeginRemovalOfNothing()) {
      co_await core.pool().Run([&] { return core.uploads.Remove(*upload); });
    }
    co_return taken.error();
  }
  CRASH_POINT("klever.chunk_kept");
  // Of several requests that see it complete one puts it together; the others' bytes are kept.
  if (!upload->complete() || !upload->BeginFinish()) co_return Progress(*upload);
  co_return co_await FinishChunked(core, request, name, std::move(upload));
}

Task<Result<HttpResponse>> PostUpload(Core& core, HttpRequest& request) {
  CO_TRY(name, VersionOf(request));
  CO_TRY_VOID(co_await CheckProject(core, request, request.Parameter("project")));
  const auto header = request.Header("Content-Range");
  if (!header) co_return co_await UploadWhole(core, request, name);
  CO_TRY(range, ParseContentRange(*header));
  co_return co_await UploadChunk(core, request, name, range);
}

Error NoUpload(const VersionName& name) {
  return NotFound("UPLOAD_UNKNOWN", "no upload of " + name.repository + ":" + name.version +
                                        " is under way: it ended, or none was begun.");
}

Task<Result<HttpResponse>> GetUpload(Core& core, HttpRequest& request) {
  CO_TRY(name, VersionOf(request));
  const std::string& subject = request.context.identity.subject;
  CO_TRY(upload, co_await core.pool().Run(
                     [&] { return core.uploads.Find(name.repository, name.version, subject); }));
  if (!upload) co_return NoUpload(name);
  const SpanSet present = upload->present();
  const uint64_t total_bytes = upload->record().total_bytes;
  const std::vector<Span> missing = present.Missing(total_bytes);
  const Json body = {{"totalBytes", total_bytes},
                     {"receivedBytes", present.size_bytes()},
                     {"complete", missing.empty()},
                     {"ranges", RangesJson(present.spans())},
                     {"missing", RangesJson(missing)}};
  HttpResponse response = HttpResponse::Json(200, DumpJson(body));
  AddProgress(*upload, response);
  if (!present.spans().empty() && present.spans().size() <= 16) {
    response.headers.emplace_back("Range", "bytes=" + Ranges(present.spans()));
  }
  co_return response;
}

Task<Result<HttpResponse>> DeleteUpload(Core& core, HttpRequest& request) {
  CO_TRY(name, VersionOf(request));
  const bool is_admin = trust::CheckAccess(net::Access::kAdmin, request.context.identity,
                                           request.Parameter("project"), true)
                            .has_value();
  const std::string subject = is_admin ? "" : request.context.identity.subject;
  CO_TRY(upload, co_await core.pool().Run(
                     [&] { return core.uploads.Find(name.repository, name.version, subject); }));
  if (!upload) co_return NoUpload(name);
  if (!upload->BeginFinish()) {
    co_return Error(Code::kAborted, "UPLOAD_BUSY",
                    "all of the file is there and is being stored; wait for it.");
  }
  CO_TRY_VOID(co_await core.pool().Run([&] { return core.uploads.Remove(*upload); }));
  co_return HttpResponse::Empty(204);
}

}  // namespace

std::vector<net::Route> UploadRoutes(const std::shared_ptr<Core>& core) {
  const std::string path =
      "/api/v1alpha1/projects/{project}/models/{model}/versions/{version}/upload";
  constexpr net::Access kWrite = net::Access::kEditor;
  return {
      KleverRoute(core, net::Method::kPost, path, kWrite, PostUpload,
                  "Takes a zip with a model, or a part of one, as a version"),
      KleverRoute(core, net::Method::kGet, path, kWrite, GetUpload,
                  "Says which bytes of an upload in parts are there"),
      KleverRoute(core, net::Method::kDelete, path, kWrite, DeleteUpload,
                  "Cancels an upload in parts"),
  };
}

}  // namespace slipway::klever
