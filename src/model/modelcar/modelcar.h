// Modelcar: a model as an OCI image whose layers put the files under /models, as KServe expects
// them. Containerd and Kubernetes' image volumes mount images only, no artifacts.
#pragma once

#include <string>

#include "model/package.h"

namespace slipway::model {

// One layer for each weight file, so that one that did not change is not sent again, and one for
// all others; the smallest weights are with those where there are more than an image may have.
void PlanModelcar(Package& package);
void FinishModelcar(Package& package, const std::string& architecture);

}  // namespace slipway::model
