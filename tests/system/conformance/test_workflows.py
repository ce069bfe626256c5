"""The four workflows of the suite of distribution-spec 1.1: Pull, Push, Content Discovery and
Content Management. One test for each of its cases; what a workflow sets up is a fixture.
"""

import dataclasses
import json
import os

import pytest

import push_forms
from data_sets import ARTIFACT_A, ARTIFACT_B, EMPTY_TYPE, DataSet
from registry_client import (ERROR_CODES, IMAGE_TYPE, INDEX_TYPE, OCTETS, digest_of, with_query)

MISSING = digest_of(b"nobody pushed this")


@dataclasses.dataclass
class Prepared:
    """A repository with what a workflow begins with."""
    repository: object
    data: DataSet
    image: object  # the manifest that was pushed under the tag `tagtest0`

    @property
    def registry(self):
        return self.repository.registry


def prepare(repository):
    data = DataSet()
    image = data.image()
    for digest, content in data.blobs.items():
        answer = push_forms.post_put(repository, content, digest)
        answer.expect(201)
    repository.push_manifest("tagtest0", image.content)
    return Prepared(repository, data, image)


@pytest.fixture(scope="module")
def shared(new_repository):
    """For cases that only read."""
    return prepare(new_repository())


@pytest.fixture
def own(new_repository):
    """For cases that delete."""
    return prepare(new_repository())


class TestPull:
    """Workflow 1."""

    def test_head_of_a_missing_blob(self, shared):
        shared.registry.head(shared.repository.blob(MISSING)).expect(404)

    def test_head_of_a_blob(self, shared):
        for digest, content in shared.data.blobs.items():
            shared.registry.head(shared.repository.blob(digest)).expect(
                200, {"Docker-Content-Digest": digest, "Content-Length": str(len(content))})

    def test_get_of_a_missing_blob(self, shared):
        shared.registry.get(shared.repository.blob(MISSING)).expect_error(404, "BLOB_UNKNOWN")

    def test_get_of_a_blob(self, shared):
        for digest, content in shared.data.blobs.items():
            shared.registry.get(shared.repository.blob(digest)).expect(200, body=content)

    @pytest.mark.parametrize("reference", [".INVALID_MANIFEST_NAME", MISSING, "nobody-s-tag"])
    @pytest.mark.parametrize("method", ["HEAD", "GET"])
    def test_a_missing_manifest(self, shared, method, reference):
        answer = shared.registry.send(method, shared.repository.manifest(reference), None)
        answer.expect(400 if reference.startswith(".") else 404)

    @pytest.mark.parametrize("by", ["digest", "tag"])
    @pytest.mark.parametrize("method", ["HEAD", "GET"])
    def test_a_manifest(self, shared, method, by):
        reference = shared.image.digest if by == "digest" else "tagtest0"
        answer = shared.registry.send(method, shared.repository.manifest(reference), None,
                                      {"Accept": IMAGE_TYPE})
        answer.expect(200, {"Docker-Content-Digest": shared.image.digest,
                            "Content-Type": IMAGE_TYPE},
                      body=shared.image.content if method == "GET" else b"")

    def test_400_has_a_body_of_the_specification(self, shared):
        answer = shared.registry.send(
            "PUT", shared.repository.manifest("sha256:totallywrong"), b"blablabla",
            {"Content-Type": IMAGE_TYPE})
        answer.expect_error(400, "DIGEST_INVALID")
        assert answer.json()["errors"][0]["code"] in ERROR_CODES


class TestPush:
    """Workflow 2."""

    def test_a_streamed_blob(self, repository):
        content = os.urandom(1000)
        location = repository.begin()
        answer = repository.registry.send("PATCH", location, content, OCTETS).expect(202)
        digest = digest_of(content)
        put = push_forms.close(repository, answer.target(), digest)
        put.expect(201, {"Location": repository.blob(digest)})

    def test_a_blob_in_one_post(self, repository):
        content = os.urandom(42)
        digest = digest_of(content)
        answer = push_forms.post_only(repository, content, digest)
        answer.expect(201, {"Location": repository.blob(digest)})
        repository.registry.get(answer.target()).expect(200, body=content)

    def test_post_gives_a_session(self, repository):
        first = repository.registry.send("POST", repository.uploads).expect(202)
        second = repository.registry.send("POST", repository.uploads).expect(202)
        assert first.target() != second.target()
        assert first.target().startswith(repository.uploads)

    def test_a_blob_in_one_put(self, repository):
        content = os.urandom(42)
        digest = digest_of(content)
        answer = push_forms.post_put(repository, content, digest)
        answer.expect(201, {"Location": repository.blob(digest)})
        repository.registry.get(repository.blob(digest)).expect(200, body=content)

    def test_the_empty_layer(self, repository):
        digest = digest_of(b"")
        push_forms.post_put(repository, b"", digest).expect(201)
        repository.registry.head(repository.blob(digest)).expect(200, {"Content-Length": "0"})

    def test_chunks_in_order(self, repository):
        content = b"first chunk, " + b"and the second"
        location = push_forms.take_piece(repository, repository.begin(), 0, content[:13])
        repository.registry.get(location).expect(204, {"Range": "0-12", "Location": location})
        answer = push_forms.close(repository, location, digest_of(content), 13, content[13:])
        answer.expect(201, {"Location": repository.blob(digest_of(content))})

    def test_a_chunk_out_of_order(self, repository):
        answer = push_forms.patch(repository, repository.begin(), 13, b"and the second")
        answer.expect_error(416, "BLOB_UPLOAD_INVALID")

    def test_a_chunk_sent_twice(self, repository):
        location = repository.begin()
        after = push_forms.take_piece(repository, location, 0, b"first chunk, ")
        for old in (location, after):
            push_forms.patch(repository, old, 0, b"first chunk, ").expect_error(
                416, "BLOB_UPLOAD_INVALID")
        repository.registry.get(after).expect(204, {"Range": "0-12"})

    def test_mount_of_a_missing_blob(self, new_repository):
        target, source = new_repository(), new_repository()
        answer = target.registry.send("POST", with_query(target.uploads, mount=MISSING,
                                                         **{"from": source.name}))
        answer.expect(202)
        assert answer.target().startswith(target.uploads)

    def test_mount_answers_the_blob_s_own_address(self, shared, repository):
        digest, content = next(iter(shared.data.blobs.items()))
        answer = repository.registry.send("POST", with_query(
            repository.uploads, mount=digest, **{"from": shared.repository.name}))
        answer.expect(201, {"Location": f"/v2/{repository.name}/blobs/{digest}"})
        repository.registry.get(repository.blob(digest)).expect(200, body=content)

    def test_mount_without_from(self, shared, repository):
        digest = next(iter(shared.data.blobs))
        answer = repository.registry.by_password().send("POST", with_query(
            repository.uploads, mount=digest))
        answer.expect(201, {"Location": repository.blob(digest)})

    def test_a_missing_manifest(self, repository):
        repository.registry.get(repository.manifest(MISSING)).expect_error(
            404, "MANIFEST_UNKNOWN")

    def test_a_manifest_under_several_tags(self, shared):
        for number in range(4):
            answer = shared.repository.put_manifest(f"test{number}", shared.image.content)
            answer.expect(201, {"Location": shared.repository.manifest(shared.image.digest)})
            shared.registry.get(answer.target()).expect(200, body=shared.image.content)
        for number in range(4):
            shared.registry.delete(shared.repository.manifest(f"test{number}")).expect(202)

    def test_a_manifest_without_layers(self, repository):
        image = DataSet().image(layers=[], config={
            "mediaType": EMPTY_TYPE, "size": 2, "digest": repository.push_blob(b"{}")})
        repository.put_manifest("no-layers", image.content).expect(
            201, {"Docker-Content-Digest": image.digest})

    def test_get_of_the_pushed_manifest(self, shared):
        shared.registry.get(shared.repository.manifest(shared.image.digest),
                            {"Accept": IMAGE_TYPE}).expect(200, body=shared.image.content)


NUMBER_OF_TAGS = 4


@dataclasses.dataclass
class Discovered(Prepared):
    """The repository of workflow 3: one image with five referrers, and one about nothing."""
    referrers: DataSet
    missing_subject: str


@pytest.fixture(scope="module")
def discovered(new_repository):
    """Referrers are pushed before and after their subject, and for one that never comes."""
    repository = new_repository()
    data, referrers = DataSet(), DataSet()
    image = data.image()
    subject = image.descriptor()
    absent = {"mediaType": IMAGE_TYPE, "size": 7, "digest": MISSING}
    before = [referrers.image(subject=subject, annotations={"n": "1"}, layers=[],
                              config=referrers.blob(b"a", ARTIFACT_A)),
              referrers.artifact(artifact_type=ARTIFACT_A, subject=subject,
                                 annotations={"n": "2"}),
              referrers.index(children=[], artifactType="application/x-index", subject=subject,
                              annotations={"n": "3"})]
    after = [referrers.image(subject=subject, annotations={"n": "4"}, layers=[],
                             config=referrers.blob(b"b", ARTIFACT_B)),
             referrers.artifact(artifact_type=ARTIFACT_B, subject=subject, annotations={"n": "5"}),
             referrers.artifact(artifact_type=ARTIFACT_B, subject=absent, annotations={"n": "6"})]
    for digest, content in {**data.blobs, **referrers.blobs}.items():
        repository.push_blob(content, digest)
    for manifest in before:
        repository.put_manifest(manifest.digest, manifest.content, manifest.media_type).expect(
            201, {"OCI-Subject": image.digest})
    for number in range(NUMBER_OF_TAGS):
        repository.put_manifest(f"test{number}", image.content).expect(201, {"OCI-Subject": None})
    for manifest in after:
        repository.put_manifest(manifest.digest, manifest.content, manifest.media_type).expect(
            201, {"OCI-Subject": manifest.subject})
    return Discovered(repository, data, image, referrers, MISSING)


class TestContentDiscovery:
    """Workflow 3."""

    def test_tags(self, discovered):
        assert discovered.repository.list_tags() == [f"test{i}" for i in range(NUMBER_OF_TAGS)]

    def test_n_limits_the_tags(self, discovered):
        assert discovered.repository.list_tags(n=2) == ["test0", "test1"]

    def test_last_is_where_tags_go_on(self, discovered):
        assert discovered.repository.list_tags(n=2, last="test1") == ["test2", "test3"]
        assert discovered.repository.list_tags(n=2, last="test3") == []

    def list_referrers(self, discovered, subject, **query):
        answer = discovered.registry.get(discovered.repository.referrers(subject, **query))
        answer.expect(200, {"Content-Type": INDEX_TYPE})
        return answer

    def test_referrers_of_an_unknown_digest(self, discovered):
        answer = self.list_referrers(discovered, digest_of(b"unknown"))
        assert answer.json() == {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}

    def test_referrers_with_their_annotations(self, discovered):
        found = self.list_referrers(discovered, discovered.image.digest).json()["manifests"]
        expected = discovered.referrers.referrers[discovered.image.digest]
        assert len(expected) == 5
        assert sorted(json.dumps(entry, sort_keys=True) for entry in found) == sorted(
            json.dumps(entry, sort_keys=True) for entry in expected)

    def test_referrers_of_one_type(self, discovered):
        answer = self.list_referrers(discovered, discovered.image.digest,
                                     artifactType=ARTIFACT_A)
        assert answer.header("OCI-Filters-Applied") == "artifactType"
        found = answer.json()["manifests"]
        assert sorted(entry["annotations"]["n"] for entry in found) == ["1", "2"]

    def test_referrers_of_a_missing_manifest(self, discovered):
        found = self.list_referrers(discovered, discovered.missing_subject).json()["manifests"]
        assert [entry["annotations"] for entry in found] == [{"n": "6"}]


class TestContentManagement:
    """Workflow 4."""

    def test_delete_of_a_tag_leaves_the_manifest(self, own):
        own.registry.delete(own.repository.manifest("tagtest0")).expect(202)
        own.registry.get(own.repository.manifest("tagtest0")).expect_error(
            404, "MANIFEST_UNKNOWN")
        own.registry.get(own.repository.manifest(own.image.digest)).expect(
            200, body=own.image.content)

    def test_delete_of_a_manifest_takes_its_tags(self, own):
        own.registry.delete(own.repository.manifest(own.image.digest)).expect(202)
        for reference in (own.image.digest, "tagtest0"):
            own.registry.get(own.repository.manifest(reference)).expect_error(
                404, "MANIFEST_UNKNOWN")

    def test_tags_reflect_the_deletion(self, own):
        assert own.repository.list_tags() == ["tagtest0"]
        own.registry.delete(own.repository.manifest(own.image.digest)).expect(202)
        assert own.repository.list_tags() == []

    def test_delete_of_blobs_after_their_manifest(self, own):
        own.registry.delete(own.repository.manifest(own.image.digest)).expect(202)
        for digest in own.data.blobs:
            own.registry.delete(own.repository.blob(digest)).expect(202)
            own.registry.get(own.repository.blob(digest)).expect_error(404, "BLOB_UNKNOWN")

    def test_delete_of_blobs_before_their_manifest(self, own):
        """A blob that a manifest names is kept (405, as the suite allows) until it goes."""
        for digest in own.data.blobs:
            refused = own.registry.delete(own.repository.blob(digest))
            refused.expect_error(405, "DENIED")
            assert refused.header("Allow") == "GET, HEAD"
            assert own.image.digest in refused.json()["errors"][0]["message"]
            own.registry.head(own.repository.blob(digest)).expect(200)
        own.registry.delete(own.repository.manifest(own.image.digest)).expect(202)
        for digest in own.data.blobs:
            own.registry.delete(own.repository.blob(digest)).expect(202)
            own.registry.head(own.repository.blob(digest)).expect(404)
