"""Models and services of Slipway: package, push, pull, look at, and ask."""

from .errors import (Aborted, AlreadyExists, Cancelled, DataLoss, DeadlineExceeded,
                     FailedPrecondition, Internal, InvalidArgument, NotFound, OutOfRange,
                     PermissionDenied, ResourceExhausted, SlipwayError, Unauthenticated,
                     Unavailable, Unimplemented, Unknown)
from .inference import Inference, Tensor, infer
from .models import (Exported, Model, ModelFile, export, inspect, list,  # pylint: disable=W0622
                     login, pull, push, remove, save, tag)
from .services import Service, services

__all__ = [
    "Aborted", "AlreadyExists", "Cancelled", "DataLoss", "DeadlineExceeded", "Exported",
    "FailedPrecondition", "Inference", "Internal", "InvalidArgument", "Model", "ModelFile",
    "NotFound", "OutOfRange", "PermissionDenied", "ResourceExhausted", "Service", "SlipwayError",
    "Tensor", "Unauthenticated", "Unavailable", "Unimplemented", "Unknown", "export", "infer",
    "inspect", "list", "login", "pull", "push", "remove", "save", "services", "tag",
]
