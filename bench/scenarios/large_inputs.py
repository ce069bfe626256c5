"""Inference with inputs of 0.6 and 1 MiB: an image through a MobileNet, and bodies beside a socket.

CPU a request is taken with so few connections that the queue is short, throughput with many.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import statistics
import struct
import tempfile
import urllib.request
from collections.abc import Callable

import numpy

import bench_models
import measure
import serving_peers
from measure import Load, Post, Server
from scenarios import grpc, inference

SHAPE = (1, 3, bench_models.PIXELS, bench_models.PIXELS)
BATCH = 8
FEW, MANY = 2, 16
BINARY = {"Content-Type": "application/octet-stream"}


def as_json(folder: pathlib.Path, image: numpy.ndarray) -> Post:
    """Numbers as short as they can be written."""
    data = ",".join(map(str, image.ravel()))
    path = folder / "image.json"
    path.write_text('{"inputs":[{"name":"x","shape":%s,"datatype":"FP32","data":[%s]}]}' % (
        json.dumps(list(image.shape)), data))
    return Post(path, {"Content-Type": "application/json"})


def as_binary(path: pathlib.Path, values: numpy.ndarray) -> Post:
    """V2's binary tensors, both ways."""
    head = json.dumps({
        "inputs": [{"name": "x", "shape": list(values.shape), "datatype": "FP32",
                    "parameters": {"binary_data_size": values.nbytes}}],
        "outputs": [{"name": "y", "parameters": {"binary_data": True}}]}).encode()
    path.write_bytes(head + values.tobytes())
    return Post(path, {**BINARY, "Inference-Header-Content-Length": str(len(head))})


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def as_grpc(path: pathlib.Path, image: numpy.ndarray) -> pathlib.Path:
    shape = b"".join(map(varint, image.shape))
    tensor = grpc.field(1, b"x") + grpc.field(2, b"FP32") + grpc.field(3, shape)
    raw = image.tobytes()
    message = grpc.field(1, b"model") + grpc.field(5, tensor) + b"\x3a" + varint(len(raw)) + raw
    path.write_bytes(b"\0" + struct.pack(">I", len(message)) + message)
    return path


@dataclasses.dataclass
class Variant:
    """One way to ask one server, and what it cost."""

    name: str
    load: Callable[[float], Load]
    loads: list[Load] = dataclasses.field(default_factory=list)

    def median(self, field: str) -> float:
        return statistics.median(getattr(load, field) for load in self.loads)


@dataclasses.dataclass
class Bodies:
    json: Post
    binary: Post
    grpc: pathlib.Path


def infer_url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v2/models/model/infer"


def rest(name: str, server: Server, port: int, post: Post, connections: int = FEW) -> Variant:
    return Variant(name, lambda seconds: measure.wrk(server, infer_url(port), post, connections,
                                                     seconds))


def over_grpc(name: str, server: Server, port: int, body: pathlib.Path) -> Variant:
    target = grpc.Variant(name, server, port, None)
    return Variant(name, lambda seconds: grpc.h2load(target, body, 1, FEW, seconds))


def check_answers(servers: list[int], post: Post) -> None:
    """All give the same numbers: one that answers nothing is fast."""
    answers = []
    for port in servers:
        request = urllib.request.Request(infer_url(port), post.body.read_bytes(), post.headers)
        with urllib.request.urlopen(request) as response:
            answers.append(numpy.frombuffer(response.read()[-4 * bench_models.CLASSES:],
                                            numpy.float32))
    for answer in answers[1:]:
        numpy.testing.assert_allclose(answer, answers[0], rtol=1e-3, atol=1e-3)


def port_of(variant: inference.Variant) -> int:
    return int(variant.url.split(":")[2].split("/")[0])


def image_variants(stack: contextlib.ExitStack, folder: pathlib.Path,
                   model: pathlib.Path) -> list[Variant]:
    image = numpy.random.default_rng(2).random(SHAPE, numpy.float32).round(4)
    bodies = Bodies(as_json(folder, image), as_binary(folder / "image.bin", image),
                    as_grpc(folder / "image.grpc", image))
    ours = inference.start_slipway("Slipway", model)
    batching = inference.start_slipway("Slipway, batches", model, "--max-batch", str(BATCH))
    for variant in (ours, batching):
        stack.enter_context(variant.server)
    port, batching_port = port_of(ours), port_of(batching)
    variants = [rest("Slipway, JSON", ours.server, port, bodies.json),
                rest("Slipway, binary", ours.server, port, bodies.binary),
                over_grpc("Slipway, gRPC", ours.server, port + 1, bodies.grpc),
                rest(f"Slipway, binary, {MANY} connections", ours.server, port, bodies.binary,
                     MANY),
                rest(f"Slipway, binary, {MANY} connections, batches of {BATCH}", batching.server,
                     batching_port, bodies.binary, MANY)]
    triton = serving_peers.start_triton(folder, model, SHAPE[1:], (bench_models.CLASSES,))
    if triton is not None:
        server, port = triton
        stack.enter_context(server)
        check_answers([port_of(ours), port_of(batching), port], bodies.binary)
        variants += [rest("Triton, python backend, JSON", server, port, bodies.json),
                     rest("Triton, python backend, binary", server, port, bodies.binary),
                     over_grpc("Triton, python backend, gRPC", server, port + 1, bodies.grpc)]
    mlserver = serving_peers.start_mlserver(folder, model)
    if mlserver is not None:
        server, port = mlserver
        stack.enter_context(server)
        variants += [rest("MLServer, JSON", server, port, bodies.json),
                     over_grpc("MLServer, gRPC", server, port + 1, bodies.grpc)]
    return variants


def start_socket(answer_bytes: int) -> tuple[Server, int]:
    port = measure.free_port()
    return grpc.PlainServer([measure.BUILD / "bin" / "socket_floor", port, answer_bytes],
                            ("127.0.0.1", port)), port


def mebibyte_variants(stack: contextlib.ExitStack, folder: pathlib.Path) -> list[Variant]:
    values = numpy.arange(bench_models.MEBIBYTE_FLOATS, dtype=numpy.float32)
    body = as_binary(folder / "mebibyte.bin", values)
    variants = []
    for name, answer_bytes, model in (("4 floats out", 16, bench_models.first_four()),
                                      ("identity", 1 << 20, bench_models.mebibyte_identity())):
        floor, floor_port = start_socket(answer_bytes)
        ours = inference.start_slipway("Slipway", model)
        stack.enter_context(floor)
        stack.enter_context(ours.server)
        variants += [rest(f"bare socket loop, {name}", floor, floor_port, body, MANY),
                     rest(f"Slipway, {name}", ours.server, port_of(ours), body, MANY)]
    return variants


def run() -> str:
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = bench_models.mobilenet()
        images = image_variants(stack, folder, model)
        mebibytes = mebibyte_variants(stack, folder)
        for variant in images + mebibytes:
            variant.load(1)
        floors: dict[int, list[float]] = {1: [], 2: [], 4: [], BATCH: []}
        for _ in range(measure.ROUNDS):
            for batch, costs in floors.items():
                costs.append(inference.engine_floor(model, 64 // batch, batch)["cpu_us"] / batch)
            for variant in images + mebibytes:
                variant.loads.append(variant.load(measure.SECONDS))
    medians = {batch: statistics.median(costs) for batch, costs in floors.items()}
    return report_images(images, medians) + "\n\n" + report_mebibytes(mebibytes)


def report_images(variants: list[Variant], floors: dict[int, float]) -> str:
    floor, best = floors[1], min(floors.values())
    lines = ["## An image of 3x224x224 through a MobileNet (MobileNetV2, random weights)", "",
             f"wrk and h2load, {FEW} requests at a time unless it says more. The bare engine with "
             f"one thread takes {floor:,.0f} CPU us a run, an image in batches of 2, 4 and "
             f"{BATCH}: {', '.join(f'{floors[batch]:,.0f}' for batch in floors if batch > 1)}.", "",
             "| server | CPU us a request | to the bare run | requests/s | p50, ms | not 200 |",
             "|---|---|---|---|---|---|"]
    for variant in variants:
        not_ok = sum(load.not_ok for load in variant.loads)
        if not_ok == sum(load.requests for load in variant.loads):
            lines.append(f"| {variant.name} | - | - | - | - | {not_ok} |")
            continue
        cpu = variant.median("cpu_us")
        lines.append(f"| {variant.name} | {cpu:,.0f} | {cpu / floor:.2f} | "
                     f"{variant.median('rate'):,.1f} | {variant.median('p50_us') / 1000:.1f} | "
                     f"{not_ok} |")
    json_, binary, grpc_, many, batched = (variant for variant in variants[:5])
    lines += ["", "| ratio | measured | target |", "|---|---|---|"]
    for name, variant, target in (("JSON", json_, 1.4), ("binary", binary, 1.08),
                                  ("gRPC", grpc_, 1.12)):
        lines.append(f"| {name} to the bare run, CPU | {variant.median('cpu_us') / floor:.2f} | "
                     f"at most {target} |")
    for name, variant, cost in (("", many, best), (", batches", batched, floors[BATCH])):
        lines.append(f"| throughput at {MANY} connections{name}, to the bare engine's"
                     f"{' in such' if name else ' best'}{name.strip(',')} | "
                     f"{variant.median('rate') * cost / 1e6:.2f} | at least 0.95 |")
    return "\n".join(lines)


def report_mebibytes(variants: list[Variant]) -> str:
    lines = ["## Bodies of 1 MiB beside a bare socket loop", "",
             f"wrk, {MANY} connections, binary tensors.", "",
             "| server | requests/s | CPU us a request | not 200 |", "|---|---|---|---|"]
    for variant in variants:
        lines.append(f"| {variant.name} | {variant.median('rate'):,.0f} | "
                     f"{variant.median('cpu_us'):,.0f} | "
                     f"{sum(load.not_ok for load in variant.loads)} |")
    few_floor, few, same_floor, same = variants
    lines += ["", "| ratio | measured | target |", "|---|---|---|",
              f"| 1 MiB in, 4 floats out, throughput | "
              f"{few.median('rate') / few_floor.median('rate'):.2f} | at least 0.6 |",
              f"| 1 MiB identity, throughput | "
              f"{same.median('rate') / same_floor.median('rate'):.2f} | at least 0.75 |"]
    return "\n".join(lines)
