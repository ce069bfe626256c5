"""A data folder whose model versions were pushed by a program that told less of them."""

import json
import sqlite3

import programs
from test_lineage import get, lineage, push

CARDS = "sha256:" + "d" * 64


def forget_digests(database):
    """Makes the rows what the program wrote that knew no `datasetDigests`; returns how many."""
    changed = 0
    for key, value in database.execute(
            "SELECT key, value FROM entries WHERE key >= ? AND key < ?",
            (b"r/ModelVersion/", b"r/ModelVersion0")).fetchall():
        resource = json.loads(value)
        changed += resource["status"].get("metadata", {}).pop("datasetDigests", None) is not None
        database.execute("UPDATE entries SET value = ? WHERE key = ?",
                         (json.dumps(resource).encode(), key))
    database.execute("DELETE FROM entries WHERE key = ?", (b"registry/projection",))
    return changed


def found(centre):
    return get(centre, "projects/default/modelversions",
               where=f"datasets.digest = {CARDS}").json()["items"]


def ready(centre):
    items = get(centre, "projects/default/modelversions").json()["items"]
    return len(items) == 1 and items[0]["status"].get("phase") == "Ready"


def test_they_tell_it_after_the_next_start(start_centre, tmp_path):
    centre = start_centre()
    push(centre, tmp_path / "tuned", "tuned:v1",
         {"datasets": [{"name": "cards", "digest": CARDS}]})
    programs.wait_until(lambda: ready(centre), "the version to be inspected")
    before = found(centre)
    assert len(before) == 1
    centre.stop()
    with sqlite3.connect(centre.folder / "data/slipway.db") as database:
        assert forget_digests(database) == 1
    database.close()
    centre.start()
    programs.wait_until(lambda: found(centre), "the version to tell its data sets")
    [item] = found(centre)
    assert item["status"] == before[0]["status"], "what the file told is as it was"
    assert lineage(centre, "tuned:v1")["datasets"] == [{"name": "cards", "digest": CARDS}]
