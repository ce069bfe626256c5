#!/usr/bin/env python3
"""Runs the scenarios and writes docs/benchmarks.md.

BENCH_ONLY=a,b runs some; the others' sections stay as they were measured before.
"""

from __future__ import annotations

import datetime
import importlib
import os
import pathlib
import platform
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import measure  # noqa: E402  (found through the line above)

SCENARIOS = ("inference", "grpc", "large_inputs", "large_weights", "open_loop", "upgrade",
             "traffic_changes", "footprint", "lists", "registry_blobs", "registry_manifests")
MARK = re.compile(r"^<!-- (\w+) -->$", re.MULTILINE)


def processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit() -> str:
    return subprocess.run(["git", "describe", "--always", "--dirty"], cwd=measure.ROOT,
                          capture_output=True, text=True).stdout.strip()


HEADER = """# Benchmarks

Written by `make bench`. Every figure stands next to its floor and its peers of the same run;
medians of interleaved rounds, of 5 of 5 s where a section says nothing else. The server is pinned
to one core, the client to the other. CPU is user + system time of all processes of the server for
each completed request. Absolute figures change from machine to machine and from hour to hour; the
ratios are what to look at.
"""


def provenance() -> str:
    effort = ("" if (measure.ROUNDS, measure.SECONDS) == (5, 5) else
              f" {measure.ROUNDS} rounds of {measure.SECONDS:g} s.")
    return (f"Measured on {datetime.date.today()} from commit {commit()}, on "
            f"{os.cpu_count()} cores of {processor()}.{effort}")


def sections_of(page: str) -> dict[str, str]:
    """{scenario: text} of a page that was written before."""
    parts = MARK.split(page)
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def main() -> None:
    only = [name for name in os.environ.get("BENCH_ONLY", "").split(",") if name]
    page = measure.ROOT / "docs" / "benchmarks.md"
    sections = sections_of(page.read_text()) if page.exists() else {}
    for name in only or SCENARIOS:
        print(f"bench: {name} ...", file=sys.stderr, flush=True)
        text = importlib.import_module(f"scenarios.{name}").run()
        print(text, flush=True)
        sections[name] = f"{text}\n\n{provenance()}"
    known = {name: text for name, text in sections.items() if name in SCENARIOS}
    page.write_text(HEADER + "".join(f"\n<!-- {name} -->\n{known[name]}\n"
                                     for name in SCENARIOS if name in known))


if __name__ == "__main__":
    main()
