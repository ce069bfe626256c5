"""Models as artifacts: `slipway model ...`."""

from __future__ import annotations

import builtins
import dataclasses
import os
from typing import Any, Dict, List, Mapping, Optional, Union

from . import _program

PathLike = Union[str, "os.PathLike[str]"]


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """One layer of a model: a file, or an archive (then `path` is empty)."""
    path: str
    digest: str
    size_bytes: int
    media_type: str


@dataclasses.dataclass(frozen=True)
class Model:
    """A version of a model, as the call that answered with it knows it."""
    name: str  # with its tag: "default/fraud:v1"
    digest: str
    format: str = ""  # empty: not recognised
    size_bytes: int = 0
    artifact_type: str = ""
    files: "builtins.list[ModelFile]" = dataclasses.field(default_factory=builtins.list)
    changed: Optional[bool] = None  # whether the call changed anything
    transferred_bytes: int = 0  # sent or received by the call
    created_at: str = ""
    inputs: "builtins.list[Dict[str, Any]]" = dataclasses.field(default_factory=builtins.list)
    outputs: "builtins.list[Dict[str, Any]]" = dataclasses.field(default_factory=builtins.list)
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Exported:
    """The files of a model in a folder."""
    name: str
    digest: str
    folder: str
    files: "builtins.list[str]"


def _model(shown: Mapping[str, Any], name: str = "") -> Model:
    files = [ModelFile(file["path"], file["digest"], file["sizeBytes"], file["mediaType"])
             for file in shown.get("files", [])]
    return Model(name=shown.get("name", name), digest=shown["digest"],
                 format=shown.get("format", ""), size_bytes=shown.get("sizeBytes", 0),
                 artifact_type=shown.get("artifactType", ""), files=files,
                 changed=shown.get("changed"),
                 transferred_bytes=shown.get("downloadedBytes", shown.get("uploadedBytes", 0)),
                 created_at=shown.get("createdAt", ""), inputs=shown.get("inputs", []),
                 outputs=shown.get("outputs", []), metadata=shown.get("metadata", {}))


def _form(form: Optional[str]) -> List[str]:
    return ["--form", form] if form else []


def login(host: str, username: str, password: str, *, timeout: Optional[float] = None) -> None:
    """Signs in to a registry, where Docker's and Podman's tools find it, too."""
    _program.run("login", host, "--username", username, "--password-stdin", stdin=password,
                 timeout=timeout)


def save(path: PathLike, name: str, *, form: Optional[str] = None,
         timeout: Optional[float] = None) -> Model:
    """Packages a file or folder into the local store, as NAME:TAG."""
    return _model(_program.run_json("model", "save", *_form(form), "--", path, name,
                                    timeout=timeout))


def push(source: PathLike, name: Optional[str] = None, *, form: Optional[str] = None,
         timeout: Optional[float] = None) -> Model:
    """push(NAME): what was saved or pulled. push(PATH, NAME): a file or folder."""
    words = [source] if name is None else [source, name]
    shown = _program.run_json("model", "push", *_form(form), "--", *words, timeout=timeout)
    return _model(shown, os.fspath(source) if name is None else name)


def pull(name: str, *, timeout: Optional[float] = None) -> Model:
    """Fetches a model into the local store; goes on where an earlier try was cut."""
    return _model(_program.run_json("model", "pull", "--", name, timeout=timeout))


def export(name: str, folder: Optional[PathLike] = None, *,
           timeout: Optional[float] = None) -> Exported:
    """Writes the files of a model into a folder (named like the model), pulling it if need be."""
    words = [name] if folder is None else [name, folder]
    shown = _program.run_json("model", "export", "--", *words, timeout=timeout)
    return Exported(shown["name"], shown["digest"], shown["folder"], shown["files"])


def tag(source: str, target: str, *, remote: bool = False,
        timeout: Optional[float] = None) -> Model:
    """Gives a model one more name, in the local store or at its registry."""
    where = ["--remote"] if remote else []
    return _model(_program.run_json("model", "tag", *where, "--", source, target,
                                    timeout=timeout))


def remove(*names: str, remote: bool = False, force: bool = False,
           timeout: Optional[float] = None) -> int:
    """Removes names; the bytes that were freed in the local store. A digest that has several names
    there is removed with `force` alone, and all of them with it."""
    how = [*(["--remote"] if remote else []), *(["--force"] if force else [])]
    shown = _program.run_json("model", "remove", *how, "--", *names, timeout=timeout)
    return int(shown.get("freedBytes", 0))


def list(name: Optional[str] = None, *,  # pylint: disable=redefined-builtin
         timeout: Optional[float] = None) -> "builtins.list[Model]":
    """The models of the local store, or the versions of one."""
    words = [] if name is None else ["--", name]
    shown = _program.run_json("model", "list", *words, timeout=timeout)
    return [_model(item) for item in shown["items"]]


def inspect(name: str, *, local: bool = False, timeout: Optional[float] = None) -> Model:
    """What a model is: at its registry, or in the local store."""
    where = ["--local"] if local else []
    return _model(_program.run_json("model", "inspect", *where, "--", name, timeout=timeout))
