"""Pages of a list of a million objects, beside SQLite alone reading the same rows."""

from __future__ import annotations

import dataclasses
import http.client
import json
import os
import pathlib
import sqlite3
import statistics
import subprocess
import tempfile
import time
import urllib.parse

import measure
from measure import Server
from scenarios.footprint import control_centre

OBJECTS = int(os.environ.get("BENCH_OBJECTS", "1000000"))
PAGE = 500
TARGET_MS = 100
# What is asked for, and how many pages of it are read; the whole list in the first.
QUERIES = (("all", "", OBJECTS // PAGE), ("label tenth=7, by the index", "tenth=7", 200),
           ("label tenth!=7, not by the index", "tenth!=7", 200),
           ("label nobody=has, no object", "nobody=has", 20),
           ("label !tenth, no object, not by the index", "!tenth", 200))


@dataclasses.dataclass
class Pages:
    name: str
    times_ms: list[float]
    objects: int

    def p99_ms(self) -> float:
        return sorted(self.times_ms)[int(len(self.times_ms) * 0.99)]

    def row(self) -> str:
        return (f"| {self.name} | {len(self.times_ms)} | {self.objects:,} | "
                f"{statistics.median(self.times_ms):.1f} | {self.p99_ms():.1f} | "
                f"{max(self.times_ms):.1f} |")


class Memory:
    """The most that the server held while it was looked at."""

    def __init__(self, server: Server):
        self.pids = [server.process.pid]  # not the data plane, which does nothing here
        self.idle = self.most = measure.pss_bytes(self.pids)

    def look(self) -> None:
        self.most = max(self.most, measure.pss_bytes(self.pids))


def read_pages(address: str, token: str, name: str, label: str, count: int,
               memory: Memory) -> Pages:
    connection = http.client.HTTPConnection(address)
    query = {"limit": PAGE, **({"label": label} if label else {})}
    pages = Pages(name, [], 0)
    while len(pages.times_ms) < count:
        begin = time.monotonic()
        connection.request("GET", "/api/v1/projects/default/secrets?" +
                           urllib.parse.urlencode(query),
                           headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        pages.times_ms.append((time.monotonic() - begin) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{name}: {answer.status} {body[:500]!r}")
        page = json.loads(body)
        pages.objects += len(page["items"])
        if len(pages.times_ms) % 50 == 1:
            memory.look()
        if not (token_of_next := page["metadata"].get("continue")):
            break
        query["continue"] = token_of_next
    connection.close()
    return pages


def read_rows(database: pathlib.Path) -> Pages:
    """The floor: the rows of the same pages, and nothing done with them."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    pages = Pages("SQLite alone, all", [], 0)
    begin_key, end_key = b"r/Secret/default/", b"r/Secret/default0"
    while True:
        begin = time.monotonic()
        rows = connection.execute("SELECT key, value FROM entries WHERE key > ? AND key < ? "
                                  "ORDER BY key LIMIT ?", (begin_key, end_key, PAGE)).fetchall()
        pages.times_ms.append((time.monotonic() - begin) * 1000)
        pages.objects += len(rows)
        if len(rows) < PAGE:
            break
        begin_key = rows[-1][0]
    connection.close()
    return pages


def run() -> str:
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "data"
        with control_centre(data):
            pass  # makes the folder
        subprocess.run([measure.BUILD / "bin" / "fill_secrets", data / "slipway.db", str(OBJECTS)],
                       check=True)
        floor = read_rows(data / "slipway.db")
        with control_centre(data) as server:
            ports = json.loads((data / "run" / "ports.json").read_text())
            token = (data / "run" / "admin.token").read_text().strip()
            memory = Memory(server)
            os.sched_setaffinity(0, {measure.CLIENT_CORE})
            pages = [read_pages(f"127.0.0.1:{ports['api']}", token, *query, memory)
                     for query in QUERIES]
            os.sched_setaffinity(0, range(os.cpu_count()))
    assert floor.objects == pages[0].objects == OBJECTS, "objects are missing"
    return report(floor, pages, memory)


def report(floor: Pages, pages: list[Pages], memory: Memory) -> str:
    p99_ms = max(page.p99_ms() for page in pages)
    ratio = statistics.median(pages[0].times_ms) / statistics.median(floor.times_ms)
    return "\n".join([
        f"## Lists of {OBJECTS:,} objects", "",
        f"Pages of {PAGE} over HTTP, from the request to the last byte, server and client on a "
        "core each. A page of a filtered list looks at no more than 1,000 objects.", "",
        "| list | pages | objects | median, ms | p99, ms | slowest, ms |",
        "|---|---|---|---|---|---|",
        floor.row(), *[page.row() for page in pages], "",
        "| figure | measured | target |", "|---|---|---|",
        f"| p99 of a page, of the slowest list, ms | {p99_ms:.0f} | below {TARGET_MS} |",
        f"| median page to SQLite alone | {ratio:.1f} | for comparison |",
        f"| `slipway server`, PSS MiB, idle and at most meanwhile | {memory.idle / 2**20:.1f}, "
        f"{memory.most / 2**20:.1f} | |"])
