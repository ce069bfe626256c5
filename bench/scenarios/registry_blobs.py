"""Blobs out of and into the registry, beside sendfile, a hashing copy, and other registries."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import measure
import registries
from registries import Registry

BLOBS = int(os.environ.get("BENCH_BLOBS", "8"))
BLOB_BYTES = 64 << 20
LARGE_BYTES = 2 << 30
SCRIPT = measure.ROOT / "bench" / "registries.py"


@dataclasses.dataclass
class Rates:
    """MiB a second and CPU milliseconds a GiB of each round."""

    name: str
    pull: list[float] = dataclasses.field(default_factory=list)
    pull_cpu: list[float] = dataclasses.field(default_factory=list)
    push: list[float] = dataclasses.field(default_factory=list)
    push_cpu: list[float] = dataclasses.field(default_factory=list)

    def row(self) -> str:
        def middle(figures: list[float]) -> str:
            return f"{statistics.median(figures):,.0f}" if figures else "-"
        return (f"| {self.name} | {middle(self.pull)} | {middle(self.pull_cpu)} | "
                f"{middle(self.push)} | {middle(self.push_cpu)} |")


def write_random(path: pathlib.Path, size: int) -> None:
    piece = os.urandom(16 << 20)
    with open(path, "wb") as file:
        for index in range(size // len(piece)):
            file.write(index.to_bytes(8, "big") + piece[8:])


def renew(path: pathlib.Path) -> str:
    """Other content of the same size, and its digest."""
    with open(path, "r+b") as file:
        file.write(os.urandom(64))
        file.seek(0)
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def timed(server: measure.Server | Floor, total_bytes: int, work) -> tuple[float, float]:
    """MiB/s of `work`, and the server's CPU for it in ms a GiB."""
    before, begin = measure.cpu_seconds(server.pids()), time.monotonic()
    work()
    seconds = time.monotonic() - begin
    cpu = measure.cpu_seconds(server.pids()) - before
    return (total_bytes / 2**20 / seconds,
            cpu * 1000 / (total_bytes / 2**30))


class Floor:
    """The bare sendfile loop over these files, measured like a server."""

    def __init__(self, folder: pathlib.Path, files: list[pathlib.Path]):
        port_file = folder / "floor.port"
        self.process = subprocess.Popen(["taskset", "-c", str(measure.SERVER_CORE), sys.executable,
                                         SCRIPT, "serve", port_file, *files])
        while not port_file.exists() or not port_file.read_text():
            time.sleep(0.01)
        self.port = int(port_file.read_text())

    def pids(self) -> list[int]:
        return [self.process.pid]

    def __enter__(self) -> Floor:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def pull_all(client: registries.Client, paths: list[str]) -> None:
    for path in paths:
        _, size = client.expect(200, "GET", path)
        assert size == BLOB_BYTES


def copy_rate(folder: pathlib.Path, files: list[pathlib.Path]) -> float:
    output = subprocess.run(
        ["taskset", "-c", str(measure.SERVER_CORE), sys.executable, SCRIPT, "copy", folder, *files],
        capture_output=True, text=True, check=True).stdout
    return len(files) * BLOB_BYTES / 2**20 / float(output)


def push_round(registry: Registry, rates: Rates, digests: dict[pathlib.Path, str]) -> None:
    with registry.client() as client:
        def push() -> None:
            for file, digest in digests.items():
                client.push_blob("bench/blobs", file, digest)
        rate, cpu = timed(registry.server, len(digests) * BLOB_BYTES, push)
    rates.push.append(rate)
    rates.push_cpu.append(cpu)


def pull_round(server, port: int, rates: Rates, paths: list[str], head: str = "") -> None:
    with registries.Client(port, head) as client:
        rate, cpu = timed(server, len(paths) * BLOB_BYTES, lambda: pull_all(client, paths))
    rates.pull.append(rate)
    rates.pull_cpu.append(cpu)


def memory_of(registry: Registry, folder: pathlib.Path) -> dict[str, float]:
    """MiB of RssAnon at most while one blob of each size goes in and out."""
    peaks = {}
    for name, size in (("64 MiB", BLOB_BYTES), ("2 GiB", LARGE_BYTES)):
        file = folder / "memory"
        write_random(file, size)
        digest = renew(file)
        with registries.Peak(registry.rss_anon_bytes) as peak, registry.client() as client:
            client.push_blob("bench/memory", file, digest)
            client.expect(200, "GET", f"/v2/bench/memory/blobs/{digest}")
        peaks[name] = peak.value / 2**20
    return peaks


def known_push(registry: Registry, folder: pathlib.Path) -> tuple[float, float]:
    """Seconds of `slipway push` of 2 GiB that are there, and of hashing them."""
    file = folder / "known.bin"
    write_random(file, LARGE_BYTES)
    command = [measure.SLIPWAY, "push", file, "bench/known:v1"]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(folder / "config")}
    token = folder / "token"
    token.write_text(registry.token)
    token.chmod(0o600)
    subprocess.run(
        [measure.SLIPWAY, "context", "add", "bench", "--address", registry.url, "--token-file",
         token, "--use"], env=environment, check=True, capture_output=True)
    subprocess.run(command, env=environment, check=True, capture_output=True)
    begin = time.monotonic()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    again = time.monotonic() - begin
    begin = time.monotonic()
    with open(file, "rb") as opened:
        hashlib.file_digest(opened, "sha256")
    return again, time.monotonic() - begin


def run() -> str:
    os.sched_setaffinity(0, {measure.CLIENT_CORE})
    try:
        return measured()
    finally:
        os.sched_setaffinity(0, range(os.cpu_count()))


def measured() -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        files = [folder / f"blob-{index}" for index in range(BLOBS)]
        for file in files:
            write_random(file, BLOB_BYTES)
        floor_rates = Rates("floor: sendfile; read, SHA-256, write, fsync")
        with Floor(folder, files) as floor, registries.all_registries(folder) as running:
            rates = {registry.name: Rates(registry.name) for registry in running}
            for number in range(measure.ROUNDS):
                digests = {file: renew(file) for file in files}
                pull_round(floor, floor.port, floor_rates, [f"/{i}" for i in range(BLOBS)])
                floor_rates.push.append(copy_rate(folder / f"copies-{number}", files))
                for registry in running:
                    push_round(registry, rates[registry.name], digests)
                    paths = [f"/v2/bench/blobs/blobs/{digest}" for digest in digests.values()]
                    pull_round(registry.server, registry.port, rates[registry.name], paths,
                               registry.head_lines())
            pss = measure.pss_bytes(running[0].server.pids()) / 2**20
            known = known_push(running[0], folder)
            peaks = memory_of(running[0], folder)
            pss = max(pss, measure.pss_bytes(running[0].server.pids()) / 2**20)
    return report(floor_rates, list(rates.values()), known, peaks, pss)


def report(floor: Rates, rates: list[Rates], known: tuple[float, float], peaks: dict[str, float],
           pss: float) -> str:
    ours, *peers = rates
    pull = statistics.median(ours.pull) / statistics.median(floor.pull)
    pull_cpu = statistics.median(ours.pull_cpu) / statistics.median(floor.pull_cpu)
    push = statistics.median(ours.push) / statistics.median(floor.push)
    best = max((statistics.median(peer.push) for peer in peers), default=float("nan"))
    return "\n".join([
        f"## Registry: {BLOBS} distinct incompressible blobs of 64 MiB, one client", "",
        "Slipway with a Bearer token and every blob durable before its 201; the peers without "
        "access rules, and they sync nothing.", "",
        "| registry | pull, MiB/s | CPU ms a GiB pulled | push, MiB/s | CPU ms a GiB pushed |",
        "|---|---|---|---|---|", floor.row(), *[rate.row() for rate in rates], "",
        "| figure | measured | target |", "|---|---|---|",
        f"| pull to sendfile, throughput | {pull:.2f} | at least 0.9 |",
        f"| pull to sendfile, CPU | {pull_cpu:.2f} | at most 1.2 |",
        f"| push to read + SHA-256 + write + fsync | {push:.2f} | at least 0.8, or |",
        f"| push to the better peer | {statistics.median(ours.push) / best:.2f} | at least 1.5 |",
        f"| `slipway push` of 2 GiB that are known, minus hashing them, s | "
        f"{known[0] - known[1]:.2f} ({known[0]:.2f} - {known[1]:.2f}) | below 1 |",
        f"| RssAnon at most, MiB: 64 MiB and 2 GiB blob | {peaks['64 MiB']:.1f}, "
        f"{peaks['2 GiB']:.1f} | differ by less than 4 |",
        f"| PSS of both programs, MiB | {pss:.1f} | below 80 |"])
