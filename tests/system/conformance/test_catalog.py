"""`/v2/_catalog`: not of the specification, and asked for by crane and by mirrors."""

import pytest

from registry_client import Registry, Repository, with_query
from test_listing import next_target

CATALOG = "/v2/_catalog"
NAMES = ["catalog-a/1", "catalog-a/2", "catalog-a/deep/er", "catalog-b/1", "catalog-c/1"]


@pytest.fixture(scope="module")
def filled(centre, registry):
    for name in NAMES:
        Repository(registry, name).push_blob(b"content")

    def viewer(project):
        secret = centre.cli("token", "create", "--role", "viewer", "--project", project)
        return Registry(centre.api_url, ("anyone", secret.stdout.strip()))
    return viewer


def names(answer):
    answer.expect(200, {"Content-Type": "application/json"})
    document = answer.json()
    assert list(document) == ["repositories"]
    return document["repositories"]


def test_everything_in_byte_order_for_who_may_pull_everything(registry, filled):
    found = names(registry.get(CATALOG))
    assert found == sorted(found, key=str.encode)
    assert [name for name in found if name.startswith("catalog-")] == NAMES


def test_only_repositories_that_the_caller_may_pull_from(filled):
    assert names(filled("catalog-a").get(CATALOG)) == NAMES[:3]
    assert names(filled("catalog-b").get(CATALOG)) == NAMES[3:4]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_pages_link_to_the_next(filled, n):
    target, found = with_query(CATALOG, n=n), []
    viewer = filled("catalog-a")
    while target:
        answer = viewer.get(target)
        page = names(answer)
        assert len(page) <= n
        found += page
        target = next_target(answer)
    assert found == NAMES[:3]


def test_n_and_last_mean_what_they_mean_for_tags(filled):
    viewer = filled("catalog-a")
    assert names(viewer.get(with_query(CATALOG, n=0)).expect(200, {"Link": None})) == []
    assert names(viewer.get(with_query(CATALOG, last="catalog-a/1"))) == NAMES[1:3]
    assert names(viewer.get(with_query(CATALOG, last="catalog-a/10"))) == NAMES[1:3]
    assert names(viewer.get(with_query(CATALOG, last="zzz"))) == []
    viewer.get(with_query(CATALOG, n="many")).expect_error(400, "UNSUPPORTED")


def test_other_methods_are_refused(registry):
    answer = registry.send("POST", CATALOG).expect_error(405, "UNSUPPORTED")
    assert answer.header("Allow") == "GET, HEAD"
