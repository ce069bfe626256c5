"""What goes wrong, with the words of the program and the data plane."""

from __future__ import annotations

from typing import Mapping, Optional


class SlipwayError(Exception):
    """An error with a canonical code, a stable reason and a sentence for a person."""

    code = "UNKNOWN"

    def __init__(self, reason: str, message: str, details: Optional[Mapping[str, str]] = None):
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.details = dict(details or {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reason!r}, {self.message!r})"


class Cancelled(SlipwayError):
    """The work was ended from outside."""
    code = "CANCELLED"


class Unknown(SlipwayError):
    """Nobody knows what it was."""
    code = "UNKNOWN"


class InvalidArgument(SlipwayError):
    """A name, a file or a value that is not allowed."""
    code = "INVALID_ARGUMENT"


class DeadlineExceeded(SlipwayError):
    """It took too long."""
    code = "DEADLINE_EXCEEDED"


class NotFound(SlipwayError):
    """It is not there."""
    code = "NOT_FOUND"


class AlreadyExists(SlipwayError):
    """It is there already."""
    code = "ALREADY_EXISTS"


class PermissionDenied(SlipwayError):
    """This user may not."""
    code = "PERMISSION_DENIED"


class ResourceExhausted(SlipwayError):
    """A limit, or a full disk."""
    code = "RESOURCE_EXHAUSTED"


class FailedPrecondition(SlipwayError):
    """The state does not allow it."""
    code = "FAILED_PRECONDITION"


class Aborted(SlipwayError):
    """Somebody else was faster: try again."""
    code = "ABORTED"


class OutOfRange(SlipwayError):
    """Beyond the end."""
    code = "OUT_OF_RANGE"


class Unimplemented(SlipwayError):
    """Not supported."""
    code = "UNIMPLEMENTED"


class Internal(SlipwayError):
    """A fault of the program or of the other end."""
    code = "INTERNAL"


class Unavailable(SlipwayError):
    """The other end cannot be reached, or is not ready."""
    code = "UNAVAILABLE"


class DataLoss(SlipwayError):
    """Content is damaged."""
    code = "DATA_LOSS"


class Unauthenticated(SlipwayError):
    """Not signed in."""
    code = "UNAUTHENTICATED"


_CLASSES = {kind.code: kind for kind in SlipwayError.__subclasses__()}


def error_of(code: str, reason: str, message: str,
             details: Optional[Mapping[str, str]] = None) -> SlipwayError:
    """The exception of a code; of one that is not known, `Unknown`."""
    return _CLASSES.get(code, Unknown)(reason, message, details)
