"""New revisions, each given its traffic step by step, under full load."""

from __future__ import annotations

import itertools
import json
import os
import time
import urllib.request

from scenarios.upgrade import cli, infer_url, load_with, served

SECONDS = float(os.environ.get("BENCH_CHANGES_SECONDS", "90"))
STEPS = 10  # changes of traffic for each revision


def change_traffic(ports: dict[str, int], token: str, split: list[dict[str, int]]) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{ports['api']}/api/v1/projects/default/services/linear", method="PATCH",
        data=json.dumps({"spec": {"traffic": {"split": split}}}).encode(),
        headers={"Content-Type": "application/merge-patch+json",
                 "Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def run() -> str:
    slowest = [0.0]
    with served() as (root, server, ports):
        token = (root / "data" / "run" / "admin.token").read_text().strip()
        numbers = itertools.count(2)
        tags = itertools.cycle("ba")
        change_traffic(ports, token, [{"revision": 1, "weight": 10_000}])

        def revision() -> int:
            """One new revision, which gets all the traffic in STEPS changes."""
            begin = time.monotonic()
            number = next(numbers)
            cli(root, "upgrade", "linear", f"linear:{next(tags)}")
            for step in range(1, STEPS + 1):
                weight = 10_000 * step // STEPS
                change_traffic(ports, token, [{"revision": number - 1, "weight": 10_000 - weight},
                                              {"revision": number, "weight": weight}])
                time.sleep(0.02)  # so that most are in force before the next
            slowest[0] = max(slowest[0], time.monotonic() - begin)
            return 1

        load, count = load_with(server, infer_url(ports), SECONDS, revision)
    failed = load.not_ok + load.resets + load.refused
    return "\n".join([
        "## New revisions and changes of traffic under full load", "",
        f"32 keep-alive connections, ONNX Runtime on 1x4 floats, {SECONDS:g} s. Each revision is a "
        f"`slipway upgrade` and then gets all requests in {STEPS} changes of the split, 20 ms "
        f"apart; the slowest took {slowest[0]:.2f} s for all that.", "",
        "| figure | measured | target |", "|---|---|---|",
        f"| new revisions | {count} | at least 100 |",
        f"| changes of traffic | {count * STEPS} | at least 1,000 |",
        f"| requests | {load.requests:,} | for comparison |",
        f"| failed: not 200, reset, refused | {failed} | 0 |"])
