"""Upgrades between two revisions under full load, as the client counts their failures."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator

import measure
from measure import Load
from scenarios.footprint import control_centre
from scenarios.inference import BODY, MODELS

SECONDS = float(os.environ.get("BENCH_UPGRADE_SECONDS", "60"))
ROUNDS = int(os.environ.get("BENCH_UPGRADE_ROUNDS", "1"))
PERIOD_S = 0.5  # from the start of one upgrade to the start of the next


def cli(context: pathlib.Path, *arguments: str) -> str:
    """Runs the command line on the server's core: upgrades are part of the server's work."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(context)}
    done = subprocess.run(["taskset", "-c", str(measure.SERVER_CORE), measure.SLIPWAY, *arguments],
                          capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise RuntimeError(f"slipway {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def load_with(server, url: str, seconds: float, meanwhile) -> tuple[Load, int]:
    """Drives the service for `seconds`; calls `meanwhile` again and again until the load ends."""
    with tempfile.TemporaryDirectory() as folder:
        command = measure.wrk_command(url, BODY, 32, seconds, pathlib.Path(folder) / "load.lua")
        client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        calls = 0
        while client.poll() is None:
            calls += meanwhile()
        return measure.parse_wrk(client.stdout.read()), calls


def idle() -> int:
    time.sleep(0.05)
    return 0


@contextlib.contextmanager
def served() -> Iterator[tuple[pathlib.Path, object, dict[str, int]]]:
    """A control centre with linear:a, linear:b and the service linear: the folder of its context
    (its data are in `data`), the server, and its ports."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        with control_centre(root / "data") as server:
            ports = json.loads((root / "data" / "run" / "ports.json").read_text())
            cli(root, "context", "add", "bench", "--address", f"http://127.0.0.1:{ports['api']}",
                "--inference", f"http://127.0.0.1:{ports['inference_rest']}",
                "--token-file", str(root / "data" / "run" / "admin.token"), "--use")
            for tag, model in (("a", "linear_a.onnx"), ("b", "linear_b.onnx")):
                cli(root, "push", str(MODELS / model), f"linear:{tag}")
            cli(root, "deploy", "linear:a")
            yield root, server, ports


def infer_url(ports: dict[str, int]) -> str:
    return f"http://127.0.0.1:{ports['inference_rest']}/v2/models/linear/infer"


def run() -> str:
    quiet, upgraded, counts = [], [], []
    with served() as (root, server, ports):
        url = infer_url(ports)
        next_tag = iter("ba" * 100_000)

        def upgrade() -> int:
            begin = time.monotonic()
            cli(root, "upgrade", "linear", f"linear:{next(next_tag)}")
            time.sleep(max(0.0, PERIOD_S - (time.monotonic() - begin)))
            return 1

        for _ in range(ROUNDS):
            quiet.append(load_with(server, url, SECONDS / 2, idle)[0])
            load, count = load_with(server, url, SECONDS, upgrade)
            upgraded.append(load)
            counts.append(count)
    return report(quiet, upgraded, counts)


def report(quiet: list[Load], upgraded: list[Load], counts: list[int]) -> str:
    def median(loads: list[Load], field: str) -> float:
        return statistics.median(getattr(load, field) for load in loads)

    lines = ["## Upgrades under full load", "",
             f"32 keep-alive connections, ONNX Runtime on 1x4 floats, {SECONDS:g} s; each upgrade "
             "is a `slipway upgrade` that returned when the new revision was ready.", "",
             "| run | completed upgrades | requests/s | p50 us | p99 us | not 200 | resets "
             "| refused |",
             "|---|---|---|---|---|---|---|---|"]
    for name, loads, count in (("without upgrades", quiet, 0),
                               ("with upgrades", upgraded, sum(counts))):
        lines.append(f"| {name} | {count} | {median(loads, 'rate'):,.0f} | "
                     f"{median(loads, 'p50_us'):.0f} | {median(loads, 'p99_us'):.0f} | "
                     f"{sum(load.not_ok for load in loads)} | {sum(load.resets for load in loads)} "
                     f"| {sum(load.refused for load in loads)} |")
    ratio = median(upgraded, "rate") / median(quiet, "rate")
    lines += ["", "| ratio | measured | target |", "|---|---|---|",
              f"| throughput with to without upgrades | {ratio:.2f} | at least 0.70 |",
              f"| completed upgrades in {SECONDS:g} s | {min(counts)} | at least 100 in 60 s |"]
    return "\n".join(lines)
