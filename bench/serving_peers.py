"""The serving systems that are measured beside ours, where `make peers` brought them."""

from __future__ import annotations

import json
import pathlib

import measure
from measure import Server

TRITON = measure.CACHE / "tritonserver" / "2.51" / "pytriton" / "tritonserver"
VENV = measure.ROOT / "build" / "venv-peers"
PORTS = 3  # REST, gRPC, metrics
HERE = measure.ROOT / "bench"
TRITON_CONFIG = """
backend: "python"
max_batch_size: 8
input [{{ name: "x" data_type: TYPE_FP32 dims: [{input}] }}]
output [{{ name: "y" data_type: TYPE_FP32 dims: [{output}] }}]
instance_group [{{ kind: KIND_CPU count: 1 }}]
parameters: {{ key: "model" value: {{ string_value: "{model}" }} }}
"""


def dimensions(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def start_triton(folder: pathlib.Path, model: pathlib.Path, in_shape: tuple[int, ...],
                 out_shape: tuple[int, ...]) -> tuple[Server, int] | None:
    """A tritonserver with the model in its python backend, and its first port."""
    if not (TRITON / "bin" / "tritonserver").exists() or not VENV.exists():
        return None
    version = folder / "triton" / "model" / "1"
    version.mkdir(parents=True)
    (version / "model.py").write_text((HERE / "triton_model.py").read_text())
    (version.parent / "config.pbtxt").write_text(TRITON_CONFIG.format(
        input=dimensions(in_shape), output=dimensions(out_shape), model=model))
    base = measure.free_port_base()
    site = next((VENV / "lib").glob("python3*/site-packages"))
    server = Server(
        [TRITON / "bin" / "tritonserver", f"--model-repository={folder / 'triton'}",
         f"--backend-directory={TRITON / 'backends'}", "--disable-auto-complete-config",
         f"--http-port={base}", f"--grpc-port={base + 1}", f"--metrics-port={base + 2}",
         "--http-address=127.0.0.1", "--grpc-address=127.0.0.1", "--metrics-address=127.0.0.1",
         "--log-info=false"],
        f"http://127.0.0.1:{base}/v2/health/ready", environment={"PEER_SITE": str(site)})
    return server, base


def start_mlserver(folder: pathlib.Path, model: pathlib.Path) -> tuple[Server, int] | None:
    """MLServer with the model in a runtime of its own, in the process that serves it."""
    if not VENV.exists():
        return None
    place = folder / "mlserver"
    place.mkdir()
    base = measure.free_port_base()
    (place / "settings.json").write_text(json.dumps({
        "host": "127.0.0.1", "http_port": base, "grpc_port": base + 1, "metrics_port": base + 2,
        "parallel_workers": 0, "debug": False, "grpc_max_message_length": 64 << 20}))
    (place / "model-settings.json").write_text(json.dumps({
        "name": "model", "implementation": "mlserver_model.OnnxModel",
        "parameters": {"uri": str(model)}}))
    server = Server([VENV / "bin" / "mlserver", "start", place],
                    f"http://127.0.0.1:{base}/v2/models/model/ready",
                    environment={"PYTHONPATH": str(HERE)})
    return server, base
