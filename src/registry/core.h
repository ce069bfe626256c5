// What all handlers of the registry share. For the .cc files of this module.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/blocking_pool.h"
#include "net/router.h"
#include "registry/body_budget.h"
#include "registry/damage.h"
#include "registry/holds.h"
#include "registry/maintenance.h"
#include "registry/object_gate.h"
#include "registry/projection.h"
#include "registry/publish.h"
#include "registry/reads.h"
#include "registry/registry.h"
#include "registry/repository_writer.h"
#include "registry/upload_session.h"
#include "registry/upload_turns.h"

namespace slipway::registry {

struct Core {
  RegistryOptions options;
  UploadSigner signer;
  BodyBudget pieces;     // of uploads, beyond what each has
  FairBudget manifests;  // that are larger than kFreeManifestBytes
  SmallUploads small_uploads;
  UploadTurns upload_turns;
  Holds holds;
  ObjectGate gate;
  Reads reads;
  DamageCount damage;
  Maintenance maintenance;

  store::MetaStore& meta() { return *options.meta; }
  store::ObjectStore& objects() { return *options.objects; }
  BlockingPool& pool() { return *options.pool; }
};

// One route's work. Errors become answers in one place, ErrorResponse.
using CoreHandler = Task<Result<net::HttpResponse>> (*)(Core& core, net::HttpRequest& request);
net::Route MakeRoute(const std::shared_ptr<Core>& core, net::Method method,
                     std::string_view pattern, net::Access access, CoreHandler handler,
                     std::string_view summary);

// The canonical repository of the route's {name}: INVALID_ARGUMENT / NAME_INVALID.
Result<std::string> RepositoryOf(const net::HttpRequest& request);
// The path of something in the repository, under the name by which the caller knows it.
std::string PathOf(const net::HttpRequest& request, std::string_view rest);

// Runs `change` with a writer of the repository in one transaction; once more where a repository of
// the name had to be taken away first. The arguments outlive the task.
Task<Result<void>> ChangeRows(Core& core, const CallContext& context, const std::string& repository,
                              const std::function<Result<void>(RepositoryWriter&)>& change);
// ChangeRows with a `change` that puts `push`, whose facts are prepared as often as it takes.
Task<Result<void>> PushManifest(Core& core, const CallContext& context,
                                const std::string& repository, ManifestPush& push,
                                const FindComing& coming,
                                const std::function<Result<void>(RepositoryWriter&)>& change);
// ChangeRows for a request.
Task<Result<void>> Change(Core& core, const net::HttpRequest& request, std::string repository,
                          std::function<Result<void>(RepositoryWriter&)> change);
// What to do with an object of this digest that is there: damaged bytes are replaced. Takes the
// pass of its gate, which is held until the rows are committed. Blocking.
store::Publication EnterToPublish(Core& core, const Digest& object, ObjectGate::Pass& pass);
// Before the transaction that keeps these verified bytes as a row: takes a file of them away that
// is marked as damaged. Blocking.
void RemoveDamagedFile(Core& core, const Digest& object);
// After a push that may have healed something.
Task<void> CountDamage(Core& core);

// What Registry::Publish and Registry::Change do.
Task<Result<Digest>> PublishArtifact(std::shared_ptr<Core> core, CallContext context,
                                     std::string repository, NewArtifact artifact);
Task<Result<void>> ChangeRepository(std::shared_ptr<Core> core, CallContext context,
                                    std::string repository, RepositoryChange change);

std::vector<net::Route> BlobRoutes(const std::shared_ptr<Core>& core);
std::vector<net::Route> UploadRoutes(const std::shared_ptr<Core>& core);
std::vector<net::Route> ManifestRoutes(const std::shared_ptr<Core>& core);
std::vector<net::Route> MaintenanceRoutes(const std::shared_ptr<Core>& core);
std::vector<net::Route> ListRoutes(const std::shared_ptr<Core>& core);

}  // namespace slipway::registry
