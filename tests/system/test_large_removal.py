"""Repositories that are too large to be deleted in one transaction, in the real control centre."""

import sqlite3

import pytest
import requests

import programs
from test_collection import MANIFEST, Registry

PUTS = 20  # of 64 tags each, and of every tag three rows
POINTS = ("registry.removal_begun", "registry.rows_removed")


def fill(centre, repository):
    """A manifest with many tags; returns its digest."""
    registry = Registry(centre)
    digest = registry.manifest(repository, "first", [b"layer"])
    body = registry.session.get(registry.url(f"{repository}/manifests/first"), timeout=60).content
    for number in range(PUTS):
        tags = "&".join(f"tag=t{number}-{i}" for i in range(64))
        answer = registry.session.put(registry.url(f"{repository}/manifests/{digest}?{tags}"),
                                      data=body, headers={"Content-Type": MANIFEST}, timeout=60)
        assert answer.status_code == 201, answer.text
    return digest


def delete(centre, repository):
    project, name = repository.split("/", 1)
    return requests.delete(f"{centre.api_url}/api/v2.0/projects/{project}/repositories/{name}",
                           headers=centre.headers, timeout=60).status_code


def statuses(centre, repository, digest):
    registry = Registry(centre)
    return {what: registry.session.get(registry.url(f"{repository}/{what}"),
                                       timeout=60).status_code
            for what in ("tags/list", "manifests/first", "manifests/t3-7", f"manifests/{digest}")}


def rows(centre, repository):
    """How many rows of it the database still has, asked through a stopped centre's file."""
    with sqlite3.connect(centre.folder / "data/slipway.db") as database:
        return database.execute("SELECT count(*) FROM entries WHERE instr(key, ?) > 0",
                                (repository.encode(),)).fetchone()[0]


def test_is_gone_at_once_and_may_come_back(slipway):
    digest = fill(slipway, "default/many")
    assert set(statuses(slipway, "default/many", digest).values()) == {200}
    assert delete(slipway, "default/many") == 200
    assert set(statuses(slipway, "default/many", digest).values()) == {404}
    assert delete(slipway, "default/many") == 404
    Registry(slipway).manifest("default/many", "again", [b"layer"])
    tags = requests.get(f"{slipway.api_url}/v2/default/many/tags/list", headers=slipway.headers,
                        timeout=60).json()["tags"]
    assert tags == ["again"]


@pytest.mark.parametrize("point", POINTS)
def test_goes_on_after_a_crash(point, start_centre):
    centre = start_centre(environment={"SLIPWAY_CRASH_AT": point})
    digest = fill(centre, "default/many")
    try:
        delete(centre, "default/many")
    except requests.ConnectionError:
        pass  # the removal begins beside the answer
    programs.wait_until(lambda: centre.process.poll() is not None, f"{point} to be reached")
    assert f"killed at crash point {point}" in centre.log_tail(10_000)
    centre.process = None
    assert rows(centre, "default/many") > 1_000
    del centre.environment["SLIPWAY_CRASH_AT"]
    centre.start()
    assert set(statuses(centre, "default/many", digest).values()) == {404}
    catalog = requests.get(f"{centre.api_url}/v2/_catalog", headers=centre.headers, timeout=60)
    assert "default/many" not in catalog.json()["repositories"]
    programs.wait_until(lambda: rows(centre, "default/many") == 0, "all rows to be gone")


@pytest.mark.parametrize("point", (None, "registry.rows_removed"))
def test_tags_go_with_their_manifest(point, start_centre):
    """In steps, and after a crash between two of them."""
    centre = start_centre(environment={"SLIPWAY_CRASH_AT": point} if point else {})
    digest = fill(centre, "default/many")
    registry = Registry(centre)
    other = registry.manifest("default/many", "other", [b"other"])
    target = registry.url(f"default/many/manifests/{digest}")
    if point:
        with pytest.raises(requests.ConnectionError):
            registry.session.delete(target, timeout=60)
        programs.wait_until(lambda: centre.process.poll() is not None, f"{point} to be reached")
        centre.process = None
        del centre.environment["SLIPWAY_CRASH_AT"]
        centre.start()
        registry = Registry(centre)
    else:
        assert registry.session.delete(target, timeout=60).status_code == 202

    def tags():
        return registry.session.get(registry.url("default/many/tags/list"),
                                    timeout=60).json()["tags"]

    programs.wait_until(lambda: tags() == ["other"], "the tags to go")
    assert statuses(centre, "default/many", digest)["manifests/t3-7"] == 404
    assert statuses(centre, "default/many", other)[f"manifests/{other}"] == 200
