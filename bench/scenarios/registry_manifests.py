"""Manifests: durable pushes beside the disk's sync rate, reads beside nginx, long lists of tags."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import measure
import registries
from measure import Load, Server
from registries import MANIFEST_TYPE, Registry
from scenarios.inference import NGINX

PUSHES = int(os.environ.get("BENCH_PUSHES", "5000"))
PEER_PUSHES = min(PUSHES, 1000)  # they take long, and their rate is the same from the first
TAGS = int(os.environ.get("BENCH_TAGS", "100000"))
REFERRERS = 1000
LOOSE = 5_000  # blobs that no manifest names
CLIENTS = (16, 64)
SCRIPT = measure.ROOT / "bench" / "registries.py"
REPOSITORY = "bench/manifests"
@dataclasses.dataclass
class Pushes:
    """Manifests a second of each round, by the number of clients."""

    name: str
    rates: dict[int, list[float]]

    def median(self, clients: int) -> float:
        return statistics.median(self.rates[clients])


def run_wrk(script: str, url: str, connections: int, seconds: float) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "load.lua"
        file.write_text(script + measure.WRK_REPORT)
        output = subprocess.run(
            ["taskset", "-c", str(measure.CLIENT_CORE), "wrk", "-t1", f"-c{connections}",
             f"-d{seconds:g}s", "--timeout", "30s", "-s", file, url],
            capture_output=True, text=True, check=True).stdout
    return measure.parse_wrk(output)


def push_manifests(registry: Registry, name: str, clients: int, pushes: int,
                   repository: str = REPOSITORY) -> float:
    """Pushes a second of so many manifests, each other content under a tag of its own."""
    head, tail = registries.manifest(annotations={"n": "%"}).split(b"%")
    requests = []
    for number in range(pushes):
        body = head + f"{name}-{number}".encode() + tail
        requests.append(
            f"PUT /v2/{repository}/manifests/{name}-{number} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"{registry.head_lines()}Content-Type: {MANIFEST_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return pushes / registries.send_all(registry.port, requests, clients, b"201")


def sync_rate(folder: pathlib.Path) -> float:
    return float(subprocess.run([sys.executable, SCRIPT, "sync", folder, "1"], text=True,
                                capture_output=True, check=True).stdout)


def prepare(registry: Registry, repository: str) -> None:
    with registry.client() as client:
        client.push_blob(repository, registries.EMPTY, registries.digest_of(registries.EMPTY))


def push_scenario(folder: pathlib.Path) -> tuple[list[Pushes], float, float, float]:
    """All registries, the disk's rate, and ours at the 50,000th tag beside a new repository."""
    synced = []
    with registries.all_registries(folder) as running:
        results = [Pushes(registry.name, {clients: [] for clients in CLIENTS})
                   for registry in running]
        for registry in running:
            prepare(registry, REPOSITORY)
        for number in range(measure.ROUNDS):
            synced.append(sync_rate(folder))
            for registry, result in zip(running, results, strict=True):
                pushes = PUSHES if registry is running[0] else PEER_PUSHES
                for clients in CLIENTS:
                    result.rates[clients].append(
                        push_manifests(registry, f"r{number}-{clients}", clients, pushes))
        prepare(running[0], "bench/long")
        push_manifests(running[0], "fill", 64, 50_000, "bench/long")
        first, late = [], []
        for number in range(measure.ROUNDS):
            prepare(running[0], f"bench/new-{number}")
            first.append(push_manifests(running[0], "x", 64, PUSHES, f"bench/new-{number}"))
            late.append(push_manifests(running[0], f"y{number}", 64, PUSHES, "bench/long"))
    return (results, statistics.median(synced), statistics.median(first), statistics.median(late))


READ_SCRIPT = """
wrk.headers['Accept'] = '{type}'
{authorization}
"""
HEADS, PEER_HEADS = 100_000, 2_000  # not by wrk, which waits for the body of an answer to HEAD


@dataclasses.dataclass
class Reads:
    name: str
    server: Server
    port: int
    get_path: str
    head_path: str
    token: str = ""
    head_count: int = HEADS
    gets: list[Load] = dataclasses.field(default_factory=list)
    heads: list[float] = dataclasses.field(default_factory=list)  # CPU us

    def measure(self) -> None:
        opening = f"wrk.headers['Authorization'] = 'Bearer {self.token}'" if self.token else ""
        before = measure.cpu_seconds(self.server.pids())
        load = run_wrk(READ_SCRIPT.format(type=MANIFEST_TYPE, authorization=opening),
                       f"http://127.0.0.1:{self.port}{self.get_path}", 32, measure.SECONDS)
        between = measure.cpu_seconds(self.server.pids())
        load.cpu_us = (between - before) * 1e6 / max(load.requests, 1)
        self.gets.append(load)
        line = f"Authorization: Bearer {self.token}\r\n" if self.token else ""
        request = f"HEAD {self.head_path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{line}\r\n".encode()
        between = measure.cpu_seconds(self.server.pids())
        registries.send_all(self.port, [request] * self.head_count, 32, b"200")
        after = measure.cpu_seconds(self.server.pids())
        self.heads.append((after - between) * 1e6 / self.head_count)

    def get_us(self) -> float:
        return statistics.median(load.cpu_us for load in self.gets)

    def head_us(self) -> float:
        return statistics.median(self.heads)


def reads_of(registry: Registry, repository: str, tag: str) -> Reads:
    path = f"/v2/{repository}"
    return Reads(registry.name, registry.server, registry.port, f"{path}/manifests/{tag}",
                 f"{path}/blobs/{registries.digest_of(registries.EMPTY)}", registry.token,
                 HEADS if registry.token else PEER_HEADS)


def start_nginx(folder: pathlib.Path, content: bytes) -> Reads:
    port = measure.free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port, answer=content.decode()))
    server = Server(["nginx", "-p", folder, "-c", configuration], f"http://127.0.0.1:{port}/")
    return Reads("nginx, static answer", server, port, "/", "/")


def read_scenario(folder: pathlib.Path) -> tuple[list[Reads], Reads]:
    """All registries and nginx, and ours in a repository of many tags."""
    content = registries.manifest()
    with registries.all_registries(folder) as running, contextlib.ExitStack() as stack:
        all_reads = [start_nginx(folder, content)]
        stack.enter_context(all_reads[0].server)
        for registry in running:
            prepare(registry, REPOSITORY)
            with registry.client() as client:
                client.push_manifest(REPOSITORY, "v1", content)
            all_reads.append(reads_of(registry, REPOSITORY, "v1"))
        prepare(running[0], "bench/long")
        push_manifests(running[0], "t", 64, TAGS, "bench/long")
        crowded = reads_of(running[0], "bench/long", "t-1")
        for _ in range(measure.ROUNDS):
            for reads in [*all_reads, crowded]:
                reads.measure()
    return all_reads, crowded


@dataclasses.dataclass
class Pages:
    name: str
    times_ms: list[float]

    def row(self) -> str:
        return (f"| {self.name} | {len(self.times_ms)} | {statistics.median(self.times_ms):.1f} | "
                f"{self.p99_ms():.1f} |")

    def p99_ms(self) -> float:
        return sorted(self.times_ms)[int(len(self.times_ms) * 0.99)]


def read_pages(registry: Registry, name: str, path: str, count: int) -> Pages:
    """Follows `Link` from page to page, and begins again at the end."""
    connection = http.client.HTTPConnection("127.0.0.1", registry.port)
    pages, target = Pages(name, []), path
    while len(pages.times_ms) < count:
        begin = time.monotonic()
        connection.request("GET", target, headers={"Authorization": f"Bearer {registry.token}"})
        answer = connection.getresponse()
        body = answer.read()
        pages.times_ms.append((time.monotonic() - begin) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{target}: {answer.status} {body[:300]!r}")
        link = answer.headers.get("Link")
        target = link[link.index("<") + 1:link.index(">")] if link else path
    connection.close()
    return pages


@dataclasses.dataclass
class Collection:
    seconds: float
    blobs: int
    rss_growth_mib: float  # of memory that is no file's, at most


def collect(registry: Registry) -> Collection:
    """Loose blobs between those of many manifests, and what it takes to find and remove them."""
    requests = []
    for number in range(LOOSE):
        body = f"loose {number}".encode()
        requests.append(
            f"POST /v2/bench/long/blobs/uploads/?digest={registries.digest_of(body)} HTTP/1.1\r\n"
            f"Host: 127.0.0.1\r\n{registry.head_lines()}Content-Length: {len(body)}\r\n\r\n"
            .encode() + body)
    registries.send_all(registry.port, requests, 64, b"201")
    before = registry.rss_anon_bytes()
    with registries.Peak(registry.rss_anon_bytes) as peak:
        begin = time.monotonic()
        ask(registry, "POST", "/api/v1/registry/collections")
        while (status := ask(registry, "GET", "/api/v1/registry"))["collection"]["running"]:
            time.sleep(0.05)
        seconds = time.monotonic() - begin
    return Collection(seconds, status["collection"]["last"]["blobs"]["count"],
                      (peak.value - before) / 2**20)


def ask(registry: Registry, method: str, path: str) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", registry.port)
    connection.request(method, path, headers={"Authorization": f"Bearer {registry.token}"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
    return json.loads(body)


def list_scenario(folder: pathlib.Path) -> tuple[list[Pages], Collection, float]:
    """Pages of tags and referrers of a repository of many tags, a collection, and the memory."""
    registry = registries.slipway(folder / "slipway", "--gc-hold", "0")
    with registry.server:
        prepare(registry, "bench/long")
        push_manifests(registry, "t", 64, TAGS, "bench/long")
        with registry.client() as client:
            content = registries.manifest(annotations={"subject": "this"})
            subject = client.push_manifest("bench/long", "subject", content)
            about = {"mediaType": MANIFEST_TYPE, "digest": subject, "size": len(content)}
            for number in range(REFERRERS):
                client.push_manifest("bench/long", f"referrer-{number}", registries.manifest(
                    subject=about, annotations={"n": str(number)}))
        pages = [read_pages(registry, "tags, 1,000 a page", "/v2/bench/long/tags/list?n=1000", 300),
                 read_pages(registry, "tags, 100 a page", "/v2/bench/long/tags/list?n=100", 300),
                 read_pages(registry, f"referrers of {REFERRERS:,}",
                            f"/v2/bench/long/referrers/{subject}", 300)]
        collection = collect(registry)
        return pages, collection, measure.pss_bytes(registry.server.pids()) / 2**20


def run() -> str:
    os.sched_setaffinity(0, {measure.CLIENT_CORE})
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            sections = []
            for part in ("push", "read", "list"):
                (folder / part).mkdir()
            sections.append(report_pushes(*push_scenario(folder / "push")))
            sections.append(report_reads(*read_scenario(folder / "read")))
            sections.append(report_lists(*list_scenario(folder / "list")))
            return "\n\n".join(sections)
    finally:
        os.sched_setaffinity(0, range(os.cpu_count()))


def report_pushes(results: list[Pushes], synced: float, first: float, late: float) -> str:
    ours, *peers = results
    lines = [f"## Registry: {PUSHES:,} manifest pushes", "",
             f"Each another manifest under a tag of its own ({PEER_PUSHES:,} at peers), durable "
             f"before its 201 (the peers sync nothing). This disk did {synced:,.0f} syncs a second "
             "with one writer.", "",
             "| registry | " + " | ".join(f"{clients} clients, 1/s" for clients in CLIENTS) + " |",
             "|---|" + "---|" * len(CLIENTS)]
    for result in results:
        figures = " | ".join(f"{result.median(clients):,.0f}" for clients in CLIENTS)
        lines.append(f"| {result.name} | {figures} |")
    lines += ["", "| figure | measured | target |", "|---|---|---|"]
    for clients in CLIENTS:
        best = max((peer.median(clients) for peer in peers), default=float("nan"))
        lines += [f"| {clients} clients, to the better peer | {ours.median(clients) / best:.1f} | "
                  "at least 5, or |",
                  f"| {clients} clients, to clients x sync rate | "
                  f"{ours.median(clients) / (clients * synced):.2f} | at least 0.6 |"]
    lines += [f"| 64 clients after 50,000 tags, to the better peer in a new repository | "
              f"{late / best:.1f} | at least 5 |",
              f"| the same, to a new repository of ours | {late / first:.2f} | for comparison |"]
    return "\n".join(lines)


def report_reads(all_reads: list[Reads], crowded: Reads) -> str:
    nginx, ours, *_ = all_reads
    lines = ["## Registry: reads", "",
             "wrk, 32 keep-alive connections; Slipway with a Bearer token.", "",
             "| server | manifest GET, CPU us | manifest GET, 1/s | blob HEAD, CPU us |",
             "|---|---|---|---|"]
    for reads in [*all_reads, dataclasses.replace(crowded, name=f"Slipway, {TAGS:,} tags")]:
        rate = statistics.median(load.rate for load in reads.gets)
        lines.append(f"| {reads.name} | {reads.get_us():.2f} | {rate:,.0f} | "
                     f"{reads.head_us():.2f} |")
    get, head = nginx.get_us(), nginx.head_us()
    lines += ["", "| ratio | measured | target |", "|---|---|---|",
              f"| manifest GET to nginx, CPU | {ours.get_us() / get:.2f} | at most 1.5 |",
              f"| blob HEAD to nginx, CPU | {ours.head_us() / head:.2f} | at most 1.5 |",
              f"| manifest GET, {TAGS:,} tags to one, CPU | "
              f"{crowded.get_us() / ours.get_us():.2f} | the same |"]
    return "\n".join(lines)


def report_lists(pages: list[Pages], collection: Collection, pss: float) -> str:
    return "\n".join([
        f"## Registry: a repository of {TAGS:,} tags", "",
        "| list | pages | median, ms | p99, ms |", "|---|---|---|---|",
        *[page.row() for page in pages], "",
        "| figure | measured | target |", "|---|---|---|",
        f"| p99 of a page, of the slowest list, ms | {max(page.p99_ms() for page in pages):.1f} | "
        "below 10 |",
        f"| collection of {collection.blobs:,} loose blobs among these manifests, s | "
        f"{collection.seconds:.1f} | for comparison |",
        f"| memory that it takes at most, MiB of RssAnon | {collection.rss_growth_mib:.1f} | "
        "bounded |",
        f"| PSS of both programs afterwards, MiB | {pss:.1f} | below 80 |"])
