"""Runs the program `slipway` and reads what it answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any, Dict, Optional, Tuple, Union

from .errors import DeadlineExceeded, FailedPrecondition, Internal, SlipwayError, error_of

Argument = Union[str, "os.PathLike[str]"]


def binary() -> str:
    """The path of the program: SLIPWAY_BINARY, else the one on PATH."""
    named = os.environ.get("SLIPWAY_BINARY")
    found = shutil.which(named or "slipway")
    if found:
        return found
    where = f"{named} (SLIPWAY_BINARY) is no program" if named else "slipway is not on PATH"
    raise FailedPrecondition("PROGRAM_MISSING",
                             f"{where}: install Slipway, or set SLIPWAY_BINARY to its program")


def run(*arguments: Argument, stdin: Optional[str] = None,
        timeout: Optional[float] = None) -> str:
    """Standard output of `slipway ARGUMENTS...`; raises what it reports."""
    command = [binary(), *(os.fspath(argument) for argument in arguments)]
    try:
        done = subprocess.run(command, input=stdin or "", text=True, capture_output=True,
                              timeout=timeout, check=False, encoding="utf-8", errors="replace",
                              env={**os.environ, "SLIPWAY_ERRORS": "json"})
    except subprocess.TimeoutExpired as expired:
        raise DeadlineExceeded(
            "PROGRAM_TIMEOUT",
            f"slipway {command[1]} took longer than {timeout} s; what it did so far is kept, and "
            "the next try goes on") from expired
    if done.returncode == 0:
        return done.stdout
    raise _error_of(done.returncode, done.stderr)


def run_json(*arguments: Argument, timeout: Optional[float] = None) -> Any:
    """The same with `-o json`, decoded."""
    text = run("-o", "json", *arguments, timeout=timeout)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Internal("PROGRAM_ANSWER",
                       f"{binary()} did not answer in JSON: is it another program?") from error


def _error_of(status: int, stderr: str) -> SlipwayError:
    for line in reversed(stderr.splitlines()):
        error = _parse(line)
        if error is not None:
            code, reason, message, details = error
            return error_of(code, reason, message, details)
    last = stderr.strip().splitlines()[-1:] or ["nothing"]
    return Internal("PROGRAM_FAILED", f"slipway ended with status {status} and said: {last[0]}")


def _parse(line: str) -> Optional[Tuple[str, str, str, Dict[str, str]]]:
    if not line.startswith("{"):
        return None
    try:
        error = json.loads(line)["error"]
        return error["code"], error["reason"], error["message"], error["details"]
    except (ValueError, KeyError, TypeError):
        return None
