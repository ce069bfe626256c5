"""The suite's data sets, for each algorithm and at both levels: push, list, HEAD, pull, referrers,
delete.

A PUT by tag makes a sha256 manifest; what is to have a sha512 is pushed by digest, and gets its
tags beside it (`?tag=`) at the level that knows of that.
"""

import os

import pytest

from data_sets import DATA_SETS, DataSet
from levels import LEVELS
from registry_client import IMAGE_TYPE, INDEX_TYPE, OCTETS, digest_of, with_query

ACCEPT = [("Accept", INDEX_TYPE), ("Accept", IMAGE_TYPE)]
CASES = [(level, algorithm, name) for level in LEVELS for algorithm in ("sha256", "sha512")
         for name in DATA_SETS]


class Pushed:
    """A data set in a repository of its own."""

    def __init__(self, repository, level_name, algorithm, name):
        self.repository = repository
        self.registry = repository.registry
        self.level = LEVELS[level_name]
        self.data = DATA_SETS[name](algorithm)
        self.beside_digest = self.level.tag_parameters and (
            algorithm == "sha512" or name == "several tags")
        if algorithm == "sha512" and not self.beside_digest:
            for manifest in self.data.manifests:
                manifest.tags.clear()

    def push(self):
        """Blobs, manifests by digest, then tags; each answer is checked."""
        for digest, content in self.data.blobs.items():
            answer = self.registry.send(
                "POST", with_query(self.repository.uploads, digest=digest), content, OCTETS)
            answer.expect(201, {"Location": self.repository.blob(digest)})
            self.level.check_digest(answer, digest)
        for manifest in self.data.manifests:
            self._put(manifest, manifest.digest, manifest.tags if self.beside_digest else [])
        if not self.beside_digest:
            for tag, manifest in self.data.tags.items():
                self._put(manifest, tag, [])
        return self

    def _put(self, manifest, reference, tags):
        target = self.repository.manifest(reference)
        answer = self.registry.send("PUT", with_query(target, tag=tags) if tags else target,
                                    manifest.content, {"Content-Type": manifest.media_type})
        answer.expect(201, {"Location": self.repository.manifest(manifest.digest),
                            "Content-Length": "0", "OCI-Subject": manifest.subject or None})
        assert answer.all("OCI-Tag") == tags
        self.level.check_digest(answer, manifest.digest)
        self.check_manifest("GET", answer.target(), manifest)

    def check_manifest(self, method, target, manifest):
        """The manifest is there, as it was pushed."""
        body = None if method == "GET" else b""
        answer = self.registry.send(method, target, None, ACCEPT)
        answer.expect(200, {"Content-Type": manifest.media_type,
                            "Content-Length": str(len(manifest.content))},
                      body=manifest.content if body is None else body)
        self.level.check_digest(answer, manifest.digest)

    def check_everything(self, method):
        """All manifests by tag and digest, and all blobs."""
        for tag, manifest in self.data.tags.items():
            self.check_manifest(method, self.repository.manifest(tag), manifest)
        for manifest in self.data.manifests:
            self.check_manifest(method, self.repository.manifest(manifest.digest), manifest)
        for digest, content in self.data.blobs.items():
            answer = self.registry.send(method, self.repository.blob(digest), None)
            answer.expect(200, {"Content-Length": str(len(content))},
                          body=content if method == "GET" else b"")
            self.level.check_digest(answer, digest)

    def referrers(self, subject, **query):
        """The descriptors that the registry lists, by digest."""
        answer = self.registry.get(self.repository.referrers(subject, **query))
        filters = "artifactType" if "artifactType" in query else None
        answer.expect(200, {"Content-Type": INDEX_TYPE, "OCI-Filters-Applied": filters})
        index = answer.json()
        assert index["schemaVersion"] == 2 and index["mediaType"] == INDEX_TYPE
        found = {entry["digest"]: entry for entry in index["manifests"]}
        assert len(found) == len(index["manifests"]), "an entry is there twice"
        return found


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def pushed(request, new_repository):
    """One data set after the other, pushed for all tests that only read it."""
    return Pushed(new_repository(), *request.param).push()


@pytest.fixture(params=CASES, ids="-".join)
def pushed_to_delete(request, new_repository):
    """The same for one test."""
    return Pushed(new_repository(), *request.param).push()


def test_tags_are_listed(pushed):
    tags = sorted(pushed.data.tags)
    assert pushed.repository.list_tags() == tags
    for number in range(len(tags)):
        assert pushed.repository.list_tags(last=tags[number]) == tags[number + 1:]


def test_head(pushed):
    pushed.check_everything("HEAD")


def test_pull(pushed):
    pushed.check_everything("GET")


def test_referrers(pushed):
    listed = pushed.data.referrers
    for subject, entries in listed.items():
        assert pushed.referrers(subject) == {entry["digest"]: entry for entry in entries}
        for artifact_type in {entry.get("artifactType") for entry in entries} - {None}:
            assert pushed.referrers(subject, artifactType=artifact_type) == {
                entry["digest"]: entry for entry in entries
                if entry.get("artifactType") == artifact_type}
        assert pushed.referrers(subject, artifactType="application/x-nobody-has") == {}
    for manifest in pushed.data.manifests:
        if manifest.digest not in listed:
            assert pushed.referrers(manifest.digest) == {}


def test_delete(pushed_to_delete):
    pushed = pushed_to_delete
    registry, repository = pushed.registry, pushed.repository
    for tag, manifest in pushed.data.tags.items():
        registry.delete(repository.manifest(tag)).expect(202)
        registry.head(repository.manifest(tag)).expect(404)
        assert tag not in repository.list_tags()
        pushed.check_manifest("HEAD", repository.manifest(manifest.digest), manifest)
    for manifest in reversed(pushed.data.manifests):
        registry.delete(repository.manifest(manifest.digest)).expect(202)
        registry.head(repository.manifest(manifest.digest)).expect(404)
        if manifest.subject:
            assert manifest.digest not in pushed.referrers(manifest.subject)
    for digest in pushed.data.blobs:
        registry.delete(repository.blob(digest)).expect(202)
        registry.head(repository.blob(digest)).expect(404)
    assert repository.list_tags() == []


def push_blobs(repository, data):
    for digest, content in data.blobs.items():
        repository.push_blob(content, digest)


@pytest.mark.parametrize("bad", ["another digest", "no digest", "another algorithm"])
def test_a_manifest_under_a_bad_digest_is_refused(repository, algorithm, bad):
    data = DataSet(algorithm)
    image = data.image()
    push_blobs(repository, data)
    reference = {"another digest": image.digest, "no digest": f"{algorithm}:baddigeststring",
                 "another algorithm": "md5:" + "0" * 32}[bad]
    answer = repository.put_manifest(reference, image.content + b"  ")
    answer.expect_error(400, "DIGEST_INVALID")
    answer = repository.registry.get(repository.manifest(reference))
    if bad == "another digest":
        answer.expect_error(404, "MANIFEST_UNKNOWN")
    else:
        answer.expect_error(400, "DIGEST_INVALID")


def test_a_manifest_that_is_missing(repository, algorithm, level):
    for reference in (digest_of(os.urandom(1024), algorithm), "missing-tag"):
        repository.registry.get(repository.manifest(reference), ACCEPT).expect_error(
            404, "MANIFEST_UNKNOWN")
        repository.registry.head(repository.manifest(reference), ACCEPT).expect(404)
        repository.registry.delete(repository.manifest(reference)).expect_error(
            404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize("absent", ["config", "layer", "child"])
def test_sparse_manifests_are_refused_with_what_is_missing(repository, algorithm, absent):
    data = DataSet(algorithm)
    child = data.image()
    missing = {"config": data.config(), "layer": data.layer(),
               "child": child.descriptor()}[absent]
    manifest = {"config": lambda: data.image(config=missing),
                "layer": lambda: data.image(layers=[data.layer(), missing]),
                "child": lambda: data.index(children=[missing])}[absent]()
    data.blobs.pop(missing["digest"], None)
    push_blobs(repository, data)
    answer = repository.put_manifest("sparse", manifest.content, manifest.media_type)
    answer.expect_error(404, "MANIFEST_BLOB_UNKNOWN")
    assert missing["digest"] in answer.json()["errors"][0]["message"]
    repository.registry.head(repository.manifest("sparse")).expect(404)


def test_ten_and_more_tags_beside_the_digest(repository, algorithm):
    data = DataSet(algorithm)
    image = data.image()
    push_blobs(repository, data)
    tags = [f"tag-{number}" for number in range(64)]
    target = repository.manifest(image.digest)
    put = lambda names: repository.registry.send(  # noqa: E731
        "PUT", with_query(target, tag=names), image.content, {"Content-Type": IMAGE_TYPE})
    answer = put(tags).expect(201, {"Docker-Content-Digest": image.digest})
    assert answer.all("OCI-Tag") == tags
    assert repository.list_tags() == sorted(tags)
    for tag in tags:
        repository.registry.head(repository.manifest(tag)).expect(
            200, {"Docker-Content-Digest": image.digest})
    put([*tags, "one-more"]).expect_error(400, "NAME_INVALID")
    put(["good", "-bad"]).expect_error(400, "NAME_INVALID")
    assert repository.list_tags() == sorted(tags)
