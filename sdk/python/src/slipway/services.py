"""Services of the control centre."""

from __future__ import annotations

import dataclasses
from typing import Any, List, Mapping, Optional

from . import _program


@dataclasses.dataclass(frozen=True)
class Service:
    """A stable inference endpoint, as it is now."""
    name: str
    project: str
    phase: str  # "Ready", "Progressing", "Failed", ...
    model: str  # what it was given: "default/fraud:v1@sha256:..."
    revision: int  # the latest one; 0: none
    resource: Mapping[str, Any] = dataclasses.field(repr=False, compare=False)  # all of it


def services(*, project: Optional[str] = None, timeout: Optional[float] = None) -> List[Service]:
    """The services of a project."""
    where = ["--project", project] if project else []
    shown = _program.run_json("services", *where, timeout=timeout)
    return [_service(item) for item in shown["items"]]


def _service(item: Mapping[str, Any]) -> Service:
    metadata, status = item["metadata"], item.get("status") or {}
    predictor = (item.get("spec") or {}).get("predictor") or {}
    return Service(name=metadata["name"], project=metadata.get("project", ""),
                   phase=status.get("phase", ""), model=predictor.get("model", ""),
                   revision=status.get("latestRevision", 0), resource=item)
