"""Each function runs one verb of `slipway ormb`."""

from __future__ import annotations

import os
import subprocess

from ormb._exceptions import (
    ORMBExportError,
    ORMBLoginError,
    ORMBPullError,
    ORMBPushError,
    ORMBRemoveError,
    ORMBSaveError,
)
from slipway._program import binary
from slipway.errors import SlipwayError


def _run(*words: str, stdin: str | None = None) -> str | None:
    """Runs a verb; returns what it wrote to standard error if it failed, and nothing if not."""
    try:
        program = binary()
    except SlipwayError as error:
        return f"slipway: {error}\n"
    environment = {name: value for name, value in os.environ.items() if name != "SLIPWAY_ERRORS"}
    done = subprocess.run([program, "ormb", *words], input=stdin or "", text=True, check=False,
                          stderr=subprocess.PIPE, encoding="utf-8", errors="replace",
                          env=environment)
    return None if done.returncode == 0 else done.stderr


def login(hostname: str, username: str, password: str, insecure: bool = True) -> None:
    """Signs in and keeps it. The password is not visible to others: it goes through a pipe."""
    problem = _run("login", f"--insecure={'true' if insecure else 'false'}", "--username",
                   username, "--password-stdin", "--", hostname, stdin=password)
    if problem is not None:
        raise ORMBLoginError(hostname, username, problem)


def save(src: str, ref: str) -> None:
    """Puts the folder's model into the local cache."""
    problem = _run("save", "--", src, ref)
    if problem is not None:
        raise ORMBSaveError(src, ref, problem)


def push(ref: str) -> None:
    """Uploads a model of the local cache."""
    problem = _run("push", "--", ref)
    if problem is not None:
        raise ORMBPushError(ref, problem)


def pull(ref: str) -> None:
    """Downloads a model into the local cache."""
    problem = _run("pull", "--", ref)
    if problem is not None:
        raise ORMBPullError(ref, problem)


def export(ref: str, dst: str) -> None:
    """Writes a model of the local cache into a folder."""
    problem = _run("export", f"--destination={dst}", "--", ref)
    if problem is not None:
        raise ORMBExportError(ref, dst, problem)


def remove(ref: str) -> None:
    """Takes a model out of the local cache."""
    problem = _run("remove", "--", ref)
    if problem is not None:
        raise ORMBRemoveError(ref, problem)
