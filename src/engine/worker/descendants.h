// What a process has started, whatever group or session that has gone to.
#pragma once

#include <sys/types.h>

#include <functional>

namespace slipway::engine::worker {

// From now on a process whose parent ends becomes a child of this one, or of one between that does
// the same: nothing that this process started leaves its tree.
void AdoptOrphans();

// Kills what descends from `root`, again and again until nothing is left or a second is over;
// `root` itself lives on, and should be stopped. Blocks.
void KillDescendants(pid_t root);

// The same for adopted children of this process and what descends from them: those in another
// session that are not `known`, and have no_new_privs, as all have that a worker started. Where
// this process is the first of a container, others come to it as well. They are waited for, too.
void KillAdopted(const std::function<bool(pid_t)>& known);

}  // namespace slipway::engine::worker
