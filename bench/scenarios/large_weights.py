"""A model of 1 GiB whose weights lie in a file of their own, in the page cache."""

from __future__ import annotations

import os
import pathlib
import re
import statistics
import subprocess
import tempfile

import bench_models
import measure
from measure import Server

LOADED = re.compile(r"revision loaded .* ms=(\d+)")


def serve(folder: pathlib.Path) -> tuple[list[int], int, int]:
    """Loads all models of a folder: ms of each load, PSS and RssAnon in bytes."""
    base = measure.free_port_base()
    with Server([measure.SLIPWAY, "serve", folder, "--port-base", base],
                f"http://127.0.0.1:{base}/v2/health/ready") as server:
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
        anonymous = int(re.search(r"RssAnon:\s+(\d+)", status)[1]) * 1024
        return ([int(ms) for ms in LOADED.findall(server.output())],
                measure.pss_bytes(server.pids()), anonymous)


def run() -> str:
    model = bench_models.gibibyte()
    with tempfile.TemporaryDirectory(dir=bench_models.FOLDER) as folder:
        one, two = pathlib.Path(folder) / "one", pathlib.Path(folder) / "two"
        for place in (one / "a", two / "a", two / "b"):
            (place / "1").mkdir(parents=True)
            for file in model.parent.iterdir():
                os.link(file, place / "1" / file.name)
        subprocess.run(["cat", model.parent / "weights.bin"], stdout=subprocess.DEVNULL, check=True)
        loads, alone, both = [], [], []
        for _ in range(measure.ROUNDS):
            ms, pss, anonymous = serve(one)
            loads += ms
            alone.append((pss, anonymous))
            both.append(serve(two)[1:])
    def mebibytes(all_: list[tuple[int, int]], index: int) -> float:
        return statistics.median(each[index] for each in all_) / (1 << 20)

    more_pss = mebibytes(both, 0) - mebibytes(alone, 0)
    more_anonymous = mebibytes(both, 1) - mebibytes(alone, 1)
    return "\n".join([
        "## A model of 1 GiB with external weights", "",
        "Four products with a matrix of 8192x8192, in the page cache; the load has a warm-up run, "
        "which reads all of them.", "",
        "| figure | measured | target |", "|---|---|---|",
        f"| load and warm-up, ms | {statistics.median(loads):.0f} | below 200 |",
        f"| memory with one instance: PSS, RssAnon, MiB | {mebibytes(alone, 0):,.0f}, "
        f"{mebibytes(alone, 1):.0f} | for comparison |",
        f"| a second one adds: PSS, RssAnon, MiB | {more_pss:.1f}, {more_anonymous:.1f} | "
        "no weights |"])
