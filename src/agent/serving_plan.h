// What serve is told, and what the control centre is told: pure functions of what the agent knows.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/blame_ledger.h"
#include "agent/load_suspects.h"
#include "agent/revision_state.h"
#include "runtime/serving_channel.h"
#include "runtime/serving_config.h"
#include "runtime/site_state.h"

namespace slipway::agent {

// What serve failed to load that this agent did not give it: the configuration of a predecessor may
// name files that are gone. By uid; `given`: what was added to the configuration once it was
// prepared.
std::set<std::string> UnprovenFailures(const std::optional<runtime::ServingStatus>& status,
                                       const std::set<std::string>& given);

// The services with their prepared revisions. What is desired and served already stays, whatever
// becomes of its preparation: a new agent prepares everything anew. Left out are revisions that are
// not prepared, that are not allowed to be loaded now, and whose failure is `unproven`, so that
// they are given anew. Format and generation are the caller's.
runtime::ServingConfig PlanServing(const runtime::DesiredState& desired,
                                   const RevisionStates& revisions, LoadSuspects& suspects,
                                   const runtime::ServingConfig& served,
                                   const std::set<std::string>& unproven);

// Where each desired revision stands. `status`: serve's last word, if it runs. What serve measured
// counts for more than what the agent still prepares, but for `unproven` failures. What it will try
// to load again is Loading, with the reason of its failure.
std::vector<runtime::RevisionReport> PlanReports(
    const runtime::DesiredState& desired, const RevisionStates& revisions,
    const LoadSuspects& suspects, const std::optional<runtime::ServingStatus>& status,
    const std::set<std::string>& unproven);
// Adds what serve counted to the reports of the same revisions.
void AddFigures(const std::vector<runtime::RevisionFigures>& figures,
                std::vector<runtime::RevisionReport>* reports);
// Of what a data plane that does not answer has loaded, or was to load, nothing is known: the phase
// is Unknown, with the reason NOT_ANSWERING and this sentence.
inline constexpr std::string_view kNotAnswering = "NOT_ANSWERING";
void MarkUnknown(const std::string& message, std::vector<runtime::RevisionReport>* reports);
// The reason of a report that says that no data plane of this build takes the place of the one of
// another build that serves.
inline constexpr std::string_view kHandOverRefused = "HAND_OVER_REFUSED";
// Blamed revisions run in processes of their own, and the reports say why.
void Isolate(const BlameLedger& blames, runtime::ServingConfig* config);
void MarkIsolated(const BlameLedger& blames, std::vector<runtime::RevisionReport>* reports);
// While a data plane of before may still answer: what only the new one knows is not ready yet.
void HoldNewcomers(const std::set<std::string>& known,
                   std::vector<runtime::RevisionReport>* reports);

}  // namespace slipway::agent
