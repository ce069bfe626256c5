"""Memory of the idle programs and the time from exec to the first answer."""

from __future__ import annotations

import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

import measure
from measure import Server
from scenarios.inference import MODELS


def serve_pids(folder: pathlib.Path) -> list[int]:
    """The data plane that a control centre of this data folder started (a session of its own)."""
    pids = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if len(arguments) > 1 and arguments[1] == b"serve" and any(
                str(folder).encode() in argument for argument in arguments):
            pids.append(int(entry.name))
    return pids


def control_centre(data: pathlib.Path, core: int = measure.SERVER_CORE) -> Server:
    base = measure.free_port_base()
    return Server([measure.SLIPWAY, "server", "--data", data, "--port-base", base],
                  f"http://127.0.0.1:{base + 80}/readyz", core=core,
                  extra_pids=lambda: serve_pids(data))


def bare_load_ms(model: pathlib.Path) -> float:
    library = next((measure.BUILD / "lib" / "slipway").glob("libonnxruntime.so*"))
    begin = time.monotonic()
    subprocess.run(["taskset", "-c", str(measure.SERVER_CORE),
                    measure.BUILD / "bin" / "onnxruntime_floor", library, model, "0"],
                   check=True, capture_output=True)
    return (time.monotonic() - begin) * 1000


def serve_start_ms(model: pathlib.Path) -> float:
    base = measure.free_port_base()
    with Server([measure.SLIPWAY, "serve", model, "--name", "model", "--port-base", base],
                f"http://127.0.0.1:{base}/v2/health/ready") as server:
        return server.ready_after_s * 1000


SMALL_MODELS = {"linear": MODELS / "linear_a.onnx",
                "perceptron": MODELS / "mlp_a.onnx",
                "magika": measure.CACHE / "magika" / "1.0.3" / "model.onnx"}


def serve_pss_mib(names: list[str]) -> float:
    """A data plane without an agent on a repository with those models."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            place = pathlib.Path(folder) / name / "1"
            place.mkdir(parents=True)
            shutil.copy(SMALL_MODELS[name], place / "model.onnx")
        base = measure.free_port_base()
        with Server([measure.SLIPWAY, "serve", "--model-repository", folder, "--port-base", base],
                    f"http://127.0.0.1:{base}/v2/health/ready") as server:
            time.sleep(2)
            return measure.pss_bytes(server.pids()) / 2**20


def run() -> str:
    model = MODELS / "linear_a.onnx"
    server_ms, serve_ms, bare_ms, pss, idle, three = [], [], [], [], [], []
    for _ in range(measure.ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder)
            with control_centre(data / "data") as server:
                server_ms.append(server.ready_after_s * 1000)
                time.sleep(2)
                assert serve_pids(data), "the control centre started no data plane"
                pss.append(measure.pss_bytes(sorted(set(server.pids()))) / 2**20)
            bare_ms.append(bare_load_ms(model))
            serve_ms.append(serve_start_ms(model))
        idle.append(serve_pss_mib([]))
        three.append(serve_pss_mib(list(SMALL_MODELS)))
    difference = statistics.median(serve_ms) - statistics.median(bare_ms)
    return "\n".join([
        "## Memory and start-up", "",
        "| figure | measured | target |", "|---|---|---|",
        f"| `slipway server` + `slipway serve` without a model, PSS MiB | "
        f"{statistics.median(pss):.1f} | below 60 |",
        f"| `slipway serve` without a model, PSS MiB | {statistics.median(idle):.1f} | below 25 |",
        f"| `slipway serve` with three small models (two of 1x4 floats, magika of 3 MiB) "
        f"after their warm-up, PSS MiB | {statistics.median(three):.1f} | below 60 |",
        "| `slipway server`, exec to first 200, ms | "
        f"{statistics.median(server_ms):.0f} | below 300 |",
        "| `slipway serve` on a tiny model, exec to ready, ms | "
        f"{statistics.median(serve_ms):.0f} | |",
        f"| a bare program that opens and loads the same engine and model, ms | "
        f"{statistics.median(bare_ms):.0f} | |",
        f"| difference of the two, ms | {difference:.0f} | below 100 |"])
