#!/usr/bin/env python3
"""Runs the scenarios and writes docs/benchmarks.md. BENCH_ONLY=a,b runs some and prints them."""

from __future__ import annotations

import datetime
import importlib
import os
import pathlib
import platform
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import measure  # noqa: E402  (found through the line above)

SCENARIOS = ("inference", "grpc", "upgrade", "footprint", "lists", "registry_blobs",
             "registry_manifests")


def processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def header() -> str:
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=measure.ROOT,
                            capture_output=True, text=True).stdout.strip()
    return "\n".join([
        "# Benchmarks", "",
        f"Written by `make bench` on {datetime.date.today()} from commit {commit}, on "
        f"{os.cpu_count()} cores of {processor()}.", "",
        "Every figure stands next to its floor and its peers of the same run; medians of "
        f"{measure.ROUNDS} interleaved rounds of {measure.SECONDS:g} s. The server is pinned to "
        "one core, the client to the other. CPU is user + system time of all processes of the "
        "server for each completed request. Absolute figures change from machine to machine and "
        "from hour to hour; the ratios are what to look at.", ""])


def main() -> None:
    only = [name for name in os.environ.get("BENCH_ONLY", "").split(",") if name]
    sections = []
    for name in only or SCENARIOS:
        print(f"bench: {name} ...", file=sys.stderr, flush=True)
        sections.append(importlib.import_module(f"scenarios.{name}").run())
        print(sections[-1], flush=True)
    if not only:
        page = header() + "\n" + "\n\n".join(sections) + "\n"
        (measure.ROOT / "docs" / "benchmarks.md").write_text(page)


if __name__ == "__main__":
    main()
