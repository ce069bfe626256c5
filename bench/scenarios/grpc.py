"""V2 gRPC inference on 1x4 floats beside nginx's static answer, the bare engine and a grpc++ echo.

h2load drives it: HTTP/2 with a body of gRPC's, for it takes less of the other core than gRPC's own
load generators, which would measure themselves. It does not look at grpc-status, so each server's
metrics say at the end how many inferences succeeded.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import re
import socket
import statistics
import struct
import subprocess
import tempfile
import time
import urllib.request

import measure
from measure import Load, Server
from scenarios import inference

PATH = "/inference.GRPCInferenceService/ModelInfer"
SHAPES = (("1 connection, 32 calls at a time", 1, 32), ("32 connections", 32, 1),
          ("1 connection, 1 call at a time", 1, 1))


def field(number: int, content: bytes) -> bytes:
    """A short field of bytes in protobuf's format."""
    return bytes([number << 3 | 2, len(content)]) + content


def request() -> bytes:
    """ModelInferRequest: model_name 1, inputs 5 (name 1, datatype 2, shape 3), raw contents 7."""
    tensor = field(1, b"x") + field(2, b"FP32") + field(3, b"\x01\x04")
    message = field(1, b"model") + field(5, tensor) + field(7, struct.pack("<4f", 1.5, 2, 3, 4))
    return b"\0" + struct.pack(">I", len(message)) + message


@dataclasses.dataclass
class Variant:
    name: str
    server: Server
    port: int
    metrics: str | None  # where it tells how many succeeded
    loads: dict[str, list[Load]] = dataclasses.field(default_factory=dict)
    sent: int = 0

    def median(self, shape: str, name: str) -> float:
        return statistics.median(getattr(load, name) for load in self.loads[shape])

    def succeeded(self) -> int:
        if self.metrics is None:
            return self.sent
        with urllib.request.urlopen(self.metrics, timeout=10) as answer:
            text = answer.read().decode()
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in text.splitlines()
                   if line.startswith("nv_inference_request_success{"))


def start(name: str, model: pathlib.Path) -> Variant:
    base = measure.free_port_base()
    server = Server([measure.SLIPWAY, "serve", model, "--name", "model", "--port-base", base],
                    f"http://127.0.0.1:{base}/v2/health/ready")
    return Variant(name, server, base + 1, f"http://127.0.0.1:{base + 2}/metrics")


class PlainServer(Server):
    """One that speaks no HTTP/1.1: it answers once its port is open."""

    def _wait(self, timeout: float) -> None:
        end = time.monotonic() + timeout
        while True:
            with contextlib.suppress(OSError), socket.create_connection(self.url, 5):
                return
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.process.args} does not listen on {self.url}")
            time.sleep(0.01)


def start_echo() -> Variant:
    port = measure.free_port()
    server = PlainServer([measure.BUILD / "bin" / "grpc_floor", port], ("127.0.0.1", port))
    return Variant("grpc++, echo of the message", server, port, None)


def h2load(variant: Variant, body: pathlib.Path, connections: int, streams: int,
           seconds: float) -> Load:
    """Drives ModelInfer and charges the CPU that the server spent meanwhile to the calls."""
    log = body.with_suffix(".log")
    log.unlink(missing_ok=True)
    command = ["taskset", "-c", str(measure.CLIENT_CORE), "h2load", f"-c{connections}",
               f"-m{streams}", "-t1", f"-D{max(1, round(seconds))}", "-d", str(body),
               f"--log-file={log}", "-H", "content-type: application/grpc", "-H", "te: trailers",
               f"http://127.0.0.1:{variant.port}{PATH}"]
    before = measure.cpu_seconds(variant.server.pids())
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    after = measure.cpu_seconds(variant.server.pids())
    done = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed", output)
    calls, succeeded = int(done[1]), int(done[2])
    micros = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    variant.sent += calls
    return Load(requests=calls, seconds=float(re.search(r"finished in ([\d.]+)s", output)[1]),
                p50_us=micros[len(micros) // 2], p99_us=micros[len(micros) * 99 // 100],
                not_ok=calls - succeeded, resets=0, refused=0,
                cpu_us=(after - before) * 1e6 / max(calls, 1))


def run() -> str:
    onnx = inference.MODELS / "linear_a.onnx"
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        body = folder / "request.bin"
        body.write_bytes(request())
        nginx = inference.start_nginx(folder)
        variants = [start("Slipway, identity engine", inference.MODELS / "identity.fake.json"),
                    start("Slipway, ONNX Runtime", onnx), start_echo()]
        for server in (nginx.server, *(variant.server for variant in variants)):
            stack.enter_context(server)
        floors = []
        for variant in variants:
            h2load(variant, body, 1, 32, 1)
        for _ in range(measure.ROUNDS):
            floors.append(inference.engine_floor_us(onnx))
            nginx.busy.append(measure.wrk(nginx.server, nginx.url, inference.BODY))
            for variant in variants:
                for shape, connections, streams in SHAPES:
                    variant.loads.setdefault(shape, []).append(
                        h2load(variant, body, connections, streams, measure.SECONDS))
        lost = [variant.sent - variant.succeeded() for variant in variants]
    return report(nginx.median(nginx.busy, "cpu_us"), statistics.median(floors), variants, lost)


def report(nginx_us: float, floor_us: float, variants: list[Variant], lost: list[int]) -> str:
    lines = ["## V2 gRPC inference, 1x4 floats", "",
             f"h2load; nginx's static answer by wrk with 32 connections takes {nginx_us:.2f} CPU "
             f"us a request, the bare ONNX Runtime run {floor_us:.2f}.", "",
             "| server | load | CPU us a call | calls/s | p50, us | p99, us | not OK |",
             "|---|---|---|---|---|---|---|"]
    for variant, missing in zip(variants, lost, strict=True):
        for shape, _, _ in SHAPES:
            # What was under way at the end of a round is answered, and counted by the server alone.
            lines.append(f"| {variant.name} | {shape} | {variant.median(shape, 'cpu_us'):.2f} | "
                         f"{variant.median(shape, 'rate'):,.0f} | "
                         f"{variant.median(shape, 'p50_us'):.0f} | "
                         f"{variant.median(shape, 'p99_us'):.0f} | {max(missing, 0)} |")
    _, onnx, echo = variants
    one, many = SHAPES[0][0], SHAPES[1][0]
    one_us, many_us = onnx.median(one, "cpu_us"), onnx.median(many, "cpu_us")
    lines += ["", "| ratio | measured | target |", "|---|---|---|",
              f"| ONNX Runtime over 1 connection to (1.3 nginx + bare run), CPU | "
              f"{one_us / (1.3 * nginx_us + floor_us):.2f} | at most 1 |",
              f"| ONNX Runtime over 32 connections to the grpc++ echo, CPU | "
              f"{many_us / echo.median(many, 'cpu_us'):.2f} | at most 0.6 |",
              f"| ONNX Runtime over 1 connection to the grpc++ echo, CPU | "
              f"{one_us / echo.median(one, 'cpu_us'):.2f} | for comparison |"]
    return "\n".join(lines)
