"""Requests that come at random, whatever the answers do: at half load, and at too much."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile

import numpy

import bench_models
import measure
from measure import Server
from scenarios import inference, large_inputs

CONNECTIONS = 128
QUEUE = 16  # of images; those that find it full are refused
# A p99 of random arrivals wants many of them: of 260 at half load, it lies between 3 and 7 times
# the time of service even where nothing else costs anything.
HALF_LOAD_ROUNDS_LONGER = 6
CONFIGURATION = f"""
max_batch_size: 1
dynamic_batching {{ default_queue_policy {{ max_queue_size: {QUEUE} }} }}
"""


@dataclasses.dataclass
class Target:
    """A server with one model, and the request that it is asked."""

    variant: inference.Variant
    request: pathlib.Path
    load: object  # of wrk
    connections: int  # of wrk, so few that nothing is refused
    capacity: float = 0.0  # requests a second

    @property
    def port(self) -> int:
        return large_inputs.port_of(self.variant)

    def saturate(self, seconds: float) -> float:
        """Requests a second that get an answer where each connection waits for its own."""
        return measure.wrk(self.variant.server, self.variant.url, self.load, self.connections,
                           seconds).rate


def whole_request(path: pathlib.Path, body: bytes, headers: dict[str, str]) -> pathlib.Path:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    path.write_bytes(f"POST /v2/models/model/infer HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}"
                     f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return path


def start_with_queue(folder: pathlib.Path, model: pathlib.Path) -> inference.Variant:
    """Serves a repository of Triton's layout, whose configuration bounds the queue."""
    place = folder / "models" / "model"
    (place / "1").mkdir(parents=True)
    shutil.copy(model, place / "1" / "model.onnx")
    (place / "config.pbtxt").write_text(CONFIGURATION)
    base = measure.free_port_base()
    address = f"http://127.0.0.1:{base}/v2"
    server = Server([measure.SLIPWAY, "serve", "--model-repository", folder / "models",
                     "--port-base", base], f"{address}/health/ready")
    return inference.Variant("Slipway", server, f"{address}/models/model/infer")


def drive(target: Target, share: float, seed: int, seconds: float) -> dict[str, float]:
    """One round: figures of the client, and the goodput as a share of the capacity."""
    done = subprocess.run(
        ["taskset", "-c", str(measure.CLIENT_CORE), measure.BUILD / "bin" / "open_loop",
         str(target.port), target.request, f"{target.capacity * share:.2f}",
         str(max(1, round(seconds))), str(CONNECTIONS), str(seed)],
        capture_output=True, text=True, check=True).stdout
    result = json.loads(done)
    result["goodput"] = result["ok_in_time"] / result["seconds"] / target.capacity
    return result


def anonymous_mib(target: Target) -> float:
    status = pathlib.Path(f"/proc/{target.variant.server.process.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1024


def median(results: list[dict[str, float]], name: str) -> float:
    return statistics.median(result[name] for result in results)


def run() -> str:
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        image = numpy.random.default_rng(2).random(large_inputs.SHAPE, numpy.float32)
        model = bench_models.mobilenet()
        post = large_inputs.as_binary(folder / "image.bin", image)
        large = Target(start_with_queue(folder, model),
                       whole_request(folder / "image.http", post.body.read_bytes(), post.headers),
                       post, QUEUE // 2)
        tiny = Target(inference.start_slipway("Slipway", inference.MODELS / "linear_a.onnx"),
                      whole_request(folder / "tiny.http", inference.BODY.encode(),
                                    {"Content-Type": "application/json"}), inference.BODY, 32)
        for target in (large, tiny):
            stack.enter_context(target.variant.server)
            target.saturate(1)
            target.capacity = target.saturate(measure.SECONDS)
        seconds = round(measure.SECONDS * HALF_LOAD_ROUNDS_LONGER)
        floors, half, over, tiny_over, memory = [], [], [], [], [anonymous_mib(tiny)]
        for seed in range(1, measure.ROUNDS + 1):
            floors.append({"p99_us": inference.engine_floor(model, 100)["p99_us"],
                           "at_random": inference.engine_at_random(model, 0.5 * large.capacity,
                                                                   seconds, seed)})
            half.append(drive(large, 0.5, seed, seconds))
            over.append(drive(large, 1.2, seed, measure.SECONDS))
            tiny_over.append(drive(tiny, 1.2, seed, measure.SECONDS))
            memory.append(anonymous_mib(tiny))
    return report(large, tiny, floors, half, over, tiny_over, memory)


def row(name: str, results: list[dict[str, float]]) -> str:
    failed = sum(result["failed"] for result in results)
    return (f"| {name} | {100 * median(results, 'goodput'):.0f} % | "
            f"{median(results, 'p50_us') / 1000:.2f} | {median(results, 'p99_us') / 1000:.2f} | "
            f"{median(results, 'refused'):.0f} | {median(results, 'refused_p99_us') / 1000:.2f} | "
            f"{failed} |")


def report(large: Target, tiny: Target, floors: list[dict], half: list[dict], over: list[dict],
           tiny_over: list[dict], memory: list[float]) -> str:
    floor_us, at_random = median(floors, "p99_us"), [floor["at_random"] for floor in floors]
    run_us, stay_us = median(at_random, "p99_us"), median(at_random, "stay_p99_us")
    half_us = median(half, "p99_us")
    return "\n".join([
        "## Random arrivals (an open loop)", "",
        f"Poisson, at most {CONNECTIONS} connections; loads are of what wrk gets with "
        f"{large.connections} and {tiny.connections} connections: {large.capacity:,.0f} images "
        f"through the MobileNet in binary a second, {tiny.capacity:,.0f} requests of "
        f"1x4 floats in JSON. The bare engine's p99 for an image: {floor_us / 1000:.2f} ms in runs "
        f"one after the other, {run_us / 1000:.2f} ms in runs that come as the requests at half "
        f"load do (a core that was idle has cold caches), {stay_us / 1000:.2f} ms with their wait "
        f"for each other.", "",
        "| load | goodput | p50, ms | p99, ms | refused a round | p99 of those, ms | failed |",
        "|---|---|---|---|---|---|---|",
        row("images, 50 %", half), row("images, 120 %", over), row("1x4 floats, 120 %", tiny_over),
        "", "| figure | measured | target |", "|---|---|---|",
        f"| images at 50 %, p99 to that of bare runs at the same moments | "
        f"{half_us / run_us:.1f} | at most 5 |",
        f"| the same, to that of bare runs one after the other | {half_us / floor_us:.1f} | "
        f"at most 5 |",
        f"| the same, to the bare engine with a line before it | {half_us / stay_us:.2f} | "
        f"for comparison |",
        f"| images at 120 %, goodput | {median(over, 'goodput'):.2f} | at least 0.9 |",
        f"| images at 120 %, p99 of refusals, ms | {median(over, 'refused_p99_us') / 1000:.1f} | "
        f"below 5 |",
        f"| 1x4 floats at 120 %, goodput | {median(tiny_over, 'goodput'):.2f} | at least 0.55 |",
        f"| RssAnon of that server: before, then after each round, MiB | "
        f"{', '.join(f'{value:.0f}' for value in memory)} | does not grow |"])
