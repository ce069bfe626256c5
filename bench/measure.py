"""Pinned processes, their CPU time and memory, and wrk: what every scenario measures with."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
SLIPWAY = BUILD / "bin" / "slipway"
CACHE = pathlib.Path(os.environ.get("SLIPWAY_CACHE", pathlib.Path.home() / ".cache" / "slipway"))
SERVER_CORE, CLIENT_CORE = 0, 1
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))

WRK_REPORT = """
done = function(summary, latency, requests)
  io.write(string.format(
    'REPORT {"requests":%d,"us":%d,"p50":%d,"p99":%d,"connect":%d,"read":%d,"write":%d,' ..
    '"status":%d,"timeout":%d}\\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), summary.errors.connect, summary.errors.read,
    summary.errors.write, summary.errors.status, summary.errors.timeout))
end
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_port_base() -> int:
    """A base whose ports N, N+1, N+2 and N+80 are free now."""
    for base in range(21000, 60000, 100):
        try:
            for offset in (0, 1, 2, 80):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", base + offset))
            return base
        except OSError:
            continue
    raise RuntimeError("no free ports")


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    pids = [pid]
    for known in pids:
        for task in pathlib.Path(f"/proc/{known}/task").glob("*/children"):
            try:
                pids.extend(int(child) for child in task.read_text().split())
            except OSError:
                continue
    return pids


def cpu_seconds(pids: Sequence[int]) -> float:
    """User + system time of these processes, to the nanosecond, ended threads included."""
    total = 0.0
    for pid in pids:
        # CPUCLOCK_SCHED of a process, as clock_getcpuclockid(3) numbers it.
        try:
            total += time.clock_gettime((~pid << 3) | 2)
        except OSError:
            continue
    return total


def pss_bytes(pids: Sequence[int]) -> int:
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


class Server:
    """A process pinned to the server's core; ends with the `with` block."""

    def __init__(self, command: Sequence[str | os.PathLike], url: str, *, core: int = SERVER_CORE,
                 extra_pids: Callable[[], list[int]] = list, timeout: float = 60,
                 environment: dict[str, str] | None = None):
        self.url = url
        self._log = tempfile.TemporaryFile()
        self._extra = extra_pids
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *map(str, command)], stdout=self._log,
            stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})})
        self._wait(timeout)
        self.ready_after_s = time.monotonic() - self.started

    def _wait(self, timeout: float) -> None:
        end = time.monotonic() + timeout
        while True:
            try:
                with urllib.request.urlopen(self.url, timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.process.args} does not answer {self.url}:\n"
                                   + self.output())
            time.sleep(0.002)

    def output(self) -> str:
        """What it has printed until now."""
        return os.pread(self._log.fileno(), 1 << 24, 0).decode(errors="replace")

    def pids(self) -> list[int]:
        return family(self.process.pid) + self._extra()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclasses.dataclass
class Load:
    """What wrk saw, and what the server spent on it."""

    requests: int
    seconds: float
    p50_us: float
    p99_us: float
    not_ok: int
    resets: int
    refused: int
    cpu_us: float = 0.0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


@dataclasses.dataclass(frozen=True)
class Post:
    """A request with a body, which wrk and h2load read from a file."""

    body: pathlib.Path
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


def wrk_command(url: str, body: str | Post | None, connections: int, seconds: float,
                script: pathlib.Path, core: int = CLIENT_CORE) -> list[str]:
    lines = WRK_REPORT
    if body is not None:
        lines = "wrk.method = 'POST'\n" + lines
    if isinstance(body, str):
        lines = f"wrk.headers['Content-Type'] = 'application/json'\nwrk.body = [[{body}]]\n" + lines
    elif body is not None:
        headers = "".join(f"wrk.headers['{name}'] = '{value}'\n"
                          for name, value in body.headers.items())
        lines = f"wrk.body = io.open('{body.body}', 'rb'):read('*a')\n" + headers + lines
    script.write_text(lines)
    whole_seconds = max(1, round(seconds))  # wrk understands no others
    return ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{whole_seconds}s",
            "--timeout", "10s", "-s", str(script), url]


def parse_wrk(output: str) -> Load:
    line = next(line for line in output.splitlines() if line.startswith("REPORT "))
    report = json.loads(line.removeprefix("REPORT "))
    return Load(requests=report["requests"], seconds=report["us"] / 1e6, p50_us=report["p50"],
                p99_us=report["p99"], not_ok=report["status"] + report["timeout"],
                resets=report["read"] + report["write"], refused=report["connect"])


def wrk(server: Server, url: str, body: str | Post | None = None, connections: int = 32,
        seconds: float = SECONDS) -> Load:
    """Drives `url` and charges the CPU that `server` spent meanwhile to the requests."""
    with tempfile.TemporaryDirectory() as folder:
        command = wrk_command(url, body, connections, seconds, pathlib.Path(folder) / "load.lua")
        before = cpu_seconds(server.pids())
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        after = cpu_seconds(server.pids())
    load = parse_wrk(output)
    load.cpu_us = (after - before) * 1e6 / max(load.requests, 1)
    return load
