"""V2 JSON inference on 1x4 floats beside nginx's static answer, the bare engine and FastAPI."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import measure
from measure import Load, Server

BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32",
                               "data": [1.5, 2.25, 3.125, 4.0625]}]})
ANSWER = ('{"model_name":"model","model_version":"1","outputs":[{"name":"y","datatype":"FP32",'
          '"shape":[1,4],"data":[1.5,2.25,3.125,4.0625]}]}')
MODELS = measure.ROOT / "tests" / "fixtures" / "models"
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '{answer}'; }}
  }}
}}
"""


@dataclasses.dataclass
class Variant:
    name: str
    server: Server
    url: str
    busy: list[Load] = dataclasses.field(default_factory=list)   # 32 connections
    alone: list[Load] = dataclasses.field(default_factory=list)  # 1 connection

    def median(self, loads: list[Load], field: str) -> float:
        return statistics.median(getattr(load, field) for load in loads)


def start_nginx(folder: pathlib.Path) -> Variant:
    port = measure.free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port, answer=ANSWER))
    url = f"http://127.0.0.1:{port}/"
    return Variant("nginx, static answer",
                   Server(["nginx", "-p", folder, "-c", configuration], url), url)


def start_http_floor() -> Variant:
    port = measure.free_port()
    address = f"http://127.0.0.1:{port}"
    server = Server([measure.BUILD / "bin" / "http_floor", port], f"{address}/fixed")
    return Variant("Slipway's HTTP alone, static answer", server,
                   f"{address}/v2/models/model/infer")


def start_slipway(name: str, model: pathlib.Path, *options: str) -> Variant:
    base = measure.free_port_base()
    address = f"http://127.0.0.1:{base}/v2"
    server = Server([measure.SLIPWAY, "serve", model, "--name", "model", "--port-base", base,
                     *options], f"{address}/health/ready")
    return Variant(name, server, f"{address}/models/model/infer")


def start_fastapi(model: pathlib.Path) -> Variant:
    port = measure.free_port()
    address = f"http://127.0.0.1:{port}/v2"
    server = Server([sys.executable, "-m", "uvicorn", "fastapi_app:app", "--app-dir",
                     measure.ROOT / "bench", "--port", port, "--log-level", "warning"],
                    f"{address}/health/ready", environment={"MODEL": str(model)})
    return Variant("FastAPI + uvicorn + onnxruntime", server, f"{address}/models/model/infer")


def engine_floor(model: pathlib.Path, runs: int, batch: int = 1) -> dict[str, float]:
    """The bare engine on a model with one input and output: cpu_us of a run, p99_us of its time."""
    return run_floor(model, runs, batch)


def engine_at_random(model: pathlib.Path, rate: float, seconds: int,
                     seed: int) -> dict[str, float]:
    """The same with runs that come as the requests of open_loop do; stay_p99_us counts the wait."""
    return run_floor(model, "--arrivals", f"{rate:.2f}", seconds, seed)


def run_floor(model: pathlib.Path, *arguments: object) -> dict[str, float]:
    library = next((measure.BUILD / "lib" / "slipway").glob("libonnxruntime.so*"))
    output = subprocess.run(
        ["taskset", "-c", str(measure.SERVER_CORE), measure.BUILD / "bin" / "onnxruntime_floor",
         library, model, *map(str, arguments)], capture_output=True, text=True, check=True).stdout
    return json.loads(output)


def engine_floor_us(model: pathlib.Path) -> float:
    return engine_floor(model, 200_000)["cpu_us"]


def run() -> str:
    onnx = MODELS / "linear_a.onnx"
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        variants = [start_nginx(folder), start_http_floor(),
                    start_slipway("Slipway, identity engine", MODELS / "identity.fake.json"),
                    start_slipway("Slipway, ONNX Runtime", onnx), start_fastapi(onnx)]
        for variant in variants:
            stack.enter_context(variant.server)
        floors = []
        for variant in variants:
            measure.wrk(variant.server, variant.url, BODY, seconds=1)
        for _ in range(measure.ROUNDS):
            floors.append(engine_floor_us(onnx))
            for variant in variants:
                variant.busy.append(measure.wrk(variant.server, variant.url, BODY))
                variant.alone.append(measure.wrk(variant.server, variant.url, BODY, connections=1,
                                                 seconds=max(1.0, measure.SECONDS / 3)))
    return report(variants, statistics.median(floors))


def report(variants: list[Variant], floor_us: float) -> str:
    nginx, floor, identity, engine, fastapi = variants
    nginx_us = nginx.median(nginx.busy, "cpu_us")
    lines = ["## V2 JSON inference, 1x4 floats", "",
             "wrk, 32 keep-alive connections; p50 with one connection.", "",
             "| server | CPU us a request | requests/s | p50 at 1 connection, us | not 200 |",
             "|---|---|---|---|---|"]
    for variant in variants:
        lines.append(f"| {variant.name} | {variant.median(variant.busy, 'cpu_us'):.2f} | "
                     f"{variant.median(variant.busy, 'rate'):,.0f} | "
                     f"{variant.median(variant.alone, 'p50_us'):.0f} | "
                     f"{sum(load.not_ok for load in variant.busy + variant.alone)} |")
    identity_us = identity.median(identity.busy, "cpu_us")
    identity_p50 = identity.median(identity.alone, "p50_us")
    engine_us = engine.median(engine.busy, "cpu_us")
    lines += ["", f"Bare ONNX Runtime run of the same model: {floor_us:.2f} CPU us.", "",
              "| ratio | measured | target |", "|---|---|---|",
              f"| identity engine to nginx, CPU | {identity_us / nginx_us:.2f} | at most 1.4 |",
              f"| Slipway's HTTP alone to nginx, CPU | "
              f"{floor.median(floor.busy, 'cpu_us') / nginx_us:.2f} | for comparison |",
              f"| ONNX Runtime to (nginx + bare run), CPU | "
              f"{engine_us / (nginx_us + floor_us):.2f} | at most 1.5 |",
              f"| ONNX Runtime to (2 nginx + bare run), CPU | "
              f"{engine_us / (2 * nginx_us + floor_us):.2f} | at most 1 |",
              f"| p50 at 1 connection, identity minus nginx, us | "
              f"{identity_p50 - nginx.median(nginx.alone, 'p50_us'):.0f} | at most 20 |",
              f"| p50 at 1 connection, ONNX Runtime minus nginx, us | "
              f"{engine.median(engine.alone, 'p50_us') - nginx.median(nginx.alone, 'p50_us'):.0f}"
              f" | at most 20 |",
              f"| throughput to FastAPI + uvicorn + onnxruntime | "
              f"{engine.median(engine.busy, 'rate') / fastapi.median(fastapi.busy, 'rate'):.1f}"
              f" | at least 15 |"]
    return "\n".join(lines)
