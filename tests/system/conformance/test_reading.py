"""Reads: HEAD and GET that say the same, manifests as they were pushed, what Accept means."""

import json
import os
import socket

import pytest

from data_sets import EMPTY_TYPE, DataSet, LARGE_ANNOTATIONS
from registry_client import IMAGE_TYPE, INDEX_TYPE, OCTETS, digest_of, with_query

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


def push_all(repository, data):
    """Pushes a data set; returns its last manifest."""
    for digest, content in data.blobs.items():
        repository.push_blob(content, digest)
    for manifest in data.manifests:
        repository.push_manifest(manifest.digest, manifest.content, manifest.media_type)
        for tag in manifest.tags:
            repository.push_manifest(tag, manifest.content, manifest.media_type)
    return data.manifests[-1]


@pytest.fixture(scope="module")
def filled(new_repository):
    """A repository with something for each route that reads: {name: target}."""
    repository, data = new_repository(), DataSet()
    data.image("small")
    data.image("large", annotations=LARGE_ANNOTATIONS)
    manifest = push_all(repository, data)
    return repository, {
        "blob in a row": repository.blob(repository.push_blob(b"small")),
        "blob in a file": repository.blob(repository.push_blob(os.urandom(100_000))),
        "empty blob": repository.blob(repository.push_blob(b"")),
        "sha512 blob": repository.blob(repository.push_blob(b"5", digest_of(b"5", "sha512"))),
        "manifest by tag": repository.manifest("small"),
        "manifest by digest": repository.manifest(manifest.digest),
        "manifest in a file": repository.manifest("large"),
        "missing blob": repository.blob(digest_of(b"missing")),
        "missing manifest": repository.manifest("missing"),
        "bad digest": repository.blob("sha256:bad"),
        "bad reference": repository.manifest("-bad"),
        "tags": repository.tags(),
        "page of tags": repository.tags(n=1),
        "referrers": repository.referrers(manifest.digest),
        "version": "/v2/",
    }


NAMES = ["blob in a row", "blob in a file", "empty blob", "sha512 blob", "manifest by tag",
         "manifest by digest", "manifest in a file", "missing blob", "missing manifest",
         "bad digest", "bad reference", "tags", "page of tags", "referrers", "version"]


@pytest.mark.parametrize("name", NAMES)
def test_head_has_the_status_and_headers_of_get_and_no_body(filled, name):
    repository, targets = filled
    head = repository.registry.head(targets[name])
    get = repository.registry.get(targets[name])
    headers = [[pair for pair in answer.headers if pair[0] != "Date"] for answer in (head, get)]
    assert head.status == get.status and headers[0] == headers[1]
    assert get.header("Content-Length") == str(len(get.body))


def test_head_sends_not_one_byte_behind_its_head(centre, filled):
    repository, targets = filled
    host, port = centre.api_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        for name in NAMES:
            connection.sendall(f"HEAD {targets[name]} HTTP/1.1\r\nHost: {host}\r\n"
                               f"Authorization: Bearer {centre.token}\r\n\r\n".encode())
        connection.sendall(f"GET /v2/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
                           f"Authorization: Bearer {centre.token}\r\n\r\n".encode())
        received = b""
        while piece := connection.recv(65536):
            received += piece
    heads = received.split(b"\r\n\r\n")
    assert len(heads) == len(NAMES) + 2  # all heads, the last one's head, and its body
    assert all(head.startswith(b"HTTP/1.1 ") for head in heads[:-1])
    assert heads[-1] == b"{}"


@pytest.mark.parametrize("name", ["blob in a row", "blob in a file", "manifest by digest",
                                  "manifest in a file"])
def test_nothing_is_compressed_whatever_clients_accept(filled, name):
    repository, targets = filled
    plain = repository.registry.get(targets[name])
    asked = repository.registry.get(targets[name], {"Accept-Encoding": "gzip, zstd, br"})
    asked.expect(200, {"Content-Encoding": None, "Content-Length": str(len(plain.body))},
                 body=plain.body)


@pytest.mark.parametrize("name", ["blob in a row", "blob in a file", "manifest by digest",
                                  "manifest in a file"])
def test_what_the_client_has_is_not_sent_again(filled, name):
    repository, targets = filled
    registry = repository.registry
    tag = registry.get(targets[name]).header("ETag")
    for ask in (registry.get, registry.head):
        known = ask(targets[name], {"If-None-Match": f'"other", {tag}'})
        known.expect(304, {"ETag": tag}, body=b"")
        ask(targets[name], {"If-None-Match": '"other"'}).expect(200)
    registry.get(targets[name]).expect(200)  # the connection goes on


# Ranges beyond those of the suite ----------------------------------------------------------------

@pytest.mark.parametrize("header", ["bytes=0-1,3-4", "items=0-1", "bytes=", "bytes=a-b",
                                    "bytes=1", "0-1", "bytes=-"])
def test_a_range_that_is_not_understood_gives_the_whole(repository, header):
    target = repository.blob(repository.push_blob(b"0123456789"))
    repository.registry.get(target, {"Range": header}).expect(
        200, {"Content-Range": None}, body=b"0123456789")


@pytest.mark.parametrize("header", ["bytes=8-99999999999999999999", "Bytes=8-", "BYTES=-2"])
def test_ends_beyond_all_numbers_and_any_case_of_the_unit_are_understood(repository, header):
    target = repository.blob(repository.push_blob(b"0123456789"))
    repository.registry.get(target, {"Range": header}).expect(
        206, {"Content-Range": "bytes 8-9/10"}, body=b"89")
    beyond = repository.registry.get(target, {"Range": "bytes=99999999999999999999-"})
    beyond.expect_error(416, "SIZE_INVALID")


def test_every_range_of_an_empty_blob_lies_outside(repository):
    target = repository.blob(repository.push_blob(b""))
    for header in ("bytes=0-", "bytes=0-0", "bytes=-1"):
        repository.registry.get(target, {"Range": header}).expect_error(416, "SIZE_INVALID")


def test_a_range_counts_only_while_its_condition_holds(repository):
    digest = repository.push_blob(b"0123456789")
    get = lambda condition: repository.registry.get(  # noqa: E731
        repository.blob(digest), {"Range": "bytes=2-3", "If-Range": condition})
    get(f'"{digest}"').expect(206, {"ETag": f'"{digest}"'}, body=b"23")
    get('"another"').expect(200, body=b"0123456789")
    get("Wed, 21 Oct 2015 07:28:00 GMT").expect(200, body=b"0123456789")


def test_a_download_goes_on_with_ranges(repository):
    content = os.urandom(300_000)
    target = repository.blob(repository.push_blob(content))
    received = b""
    while len(received) < len(content):
        answer = repository.registry.get(
            target, {"Range": f"bytes={len(received)}-{len(received) + 99_998}"})
        received += answer.expect(206).body
    assert received == content


# Manifests ---------------------------------------------------------------------------------------

ODD_TEXTS = {
    "spaces": lambda text: "  \n" + text.replace(",", " ,\t\n ") + "\r\n ",
    "escapes": lambda text: text.replace("org.example", "\\u006frg.example"),
    "numbers": lambda text: text.replace('"n": 1', '"n": 1.0e0, "big": 123456789012345678901234'),
    "order": lambda text: json.dumps(dict(reversed(json.loads(text).items()))),
    "other scripts": lambda text: text.replace("plain", "名字\u2028\U0001f433"),
}


@pytest.mark.parametrize("odd", ODD_TEXTS)
def test_a_manifest_comes_back_byte_for_byte(repository, algorithm, odd):
    config = {"mediaType": EMPTY_TYPE, "size": 2, "digest": repository.push_blob(b"{}")}
    text = ODD_TEXTS[odd](json.dumps({
        "schemaVersion": 2, "mediaType": IMAGE_TYPE, "config": config, "layers": [],
        "annotations": {"org.example": "plain"}, "unknown": {"n": 1}}))
    content = text.encode()
    digest = digest_of(content, algorithm)
    assert content != json.dumps(json.loads(text)).encode() or odd == "order"
    repository.push_manifest(digest, content)
    repository.registry.get(repository.manifest(digest)).expect(
        200, {"Content-Type": IMAGE_TYPE, "Docker-Content-Digest": digest}, body=content)


@pytest.mark.parametrize("sent", [IMAGE_TYPE, IMAGE_TYPE + "; charset=utf-8",
                                  IMAGE_TYPE.upper(), DOCKER_MANIFEST])
def test_the_type_is_that_of_the_push_when_the_json_has_none(repository, sent):
    config = {"mediaType": EMPTY_TYPE, "size": 2, "digest": repository.push_blob(b"{}")}
    content = json.dumps({"schemaVersion": 2, "config": config, "layers": []}).encode()
    repository.push_manifest("untyped", content, sent)
    stored = DOCKER_MANIFEST if sent == DOCKER_MANIFEST else IMAGE_TYPE
    repository.registry.get(repository.manifest("untyped")).expect(
        200, {"Content-Type": stored}, body=content)


def test_a_type_that_contradicts_the_json_is_refused(repository):
    data = DataSet()
    image = data.image()
    push_all(repository, data)
    repository.put_manifest("v1", image.content, INDEX_TYPE).expect_error(400, "MANIFEST_INVALID")


ACCEPTS = {
    "none": [],
    "any": [("Accept", "*/*")],
    "a list": [("Accept", f"{INDEX_TYPE}, {IMAGE_TYPE}")],
    "lines": [("Accept", INDEX_TYPE), ("Accept", DOCKER_LIST), ("Accept", IMAGE_TYPE)],
    "lines, ours first": [("Accept", IMAGE_TYPE), ("Accept", DOCKER_LIST)],
    "parameters": [("Accept", f"{IMAGE_TYPE};q=0.5, */*;q=0.1")],
    "another type": [("Accept", DOCKER_MANIFEST)],
    "other lines": [("Accept", DOCKER_MANIFEST), ("Accept", "text/html")],
    "ormb": [("Accept", "application/vnd.caicloud.model.config.v1alpha1+json, */*")],
}


@pytest.mark.parametrize("accept", ACCEPTS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_stored_type_is_served_whatever_accept_says(filled, method, accept):
    repository, targets = filled
    answer = repository.registry.send(method, targets["manifest by tag"], None, ACCEPTS[accept])
    answer.expect(200, {"Content-Type": IMAGE_TYPE})


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_four_megabytes_of_annotations(repository, algorithm, by):
    data = DataSet(algorithm)
    image = data.image(annotations=LARGE_ANNOTATIONS)
    for digest, content in data.blobs.items():
        repository.push_blob(content, digest)
    assert 3_900_000 < len(image.content) < 4 << 20
    digest = image.digest if by == "digest" else digest_of(image.content)
    answer = repository.put_manifest("large" if by == "tag" else digest, image.content)
    answer.expect(201, {"Docker-Content-Digest": digest})
    repository.registry.get(answer.target()).expect(
        200, {"Content-Length": str(len(image.content))}, body=image.content)


def test_more_than_four_megabytes_is_refused_with_the_limit(repository):
    content = b'{"schemaVersion": 2}' + b" " * (4 << 20)
    answer = repository.put_manifest("too-large", content).expect_error(413, "SIZE_INVALID")
    assert str(4 << 20) in answer.json()["errors"][0]["message"]
    repository.registry.head(repository.manifest("too-large")).expect(404)


# Docker's own formats ----------------------------------------------------------------------------

def docker_image(repository, **members):
    config = b'{"architecture": "amd64", "os": "linux"}'
    layer = os.urandom(500)
    content = json.dumps({
        "schemaVersion": 2, "mediaType": DOCKER_MANIFEST,
        "config": {"mediaType": DOCKER_CONFIG, "size": len(config),
                   "digest": repository.push_blob(config)},
        "layers": [{"mediaType": DOCKER_LAYER, "size": len(layer),
                    "digest": repository.push_blob(layer)}], **members}, indent=3).encode()
    return content


def test_docker_schema_2_and_its_list(repository):
    content = docker_image(repository)
    digest = repository.push_manifest("image", content, DOCKER_MANIFEST)
    listed = json.dumps({
        "schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [
            {"mediaType": DOCKER_MANIFEST, "size": len(content), "digest": digest,
             "platform": {"os": "linux", "architecture": "amd64"}}]}).encode()
    repository.push_manifest("list", listed, DOCKER_LIST)
    for tag, body, media_type in (("image", content, DOCKER_MANIFEST),
                                  ("list", listed, DOCKER_LIST)):
        repository.registry.get(repository.manifest(tag)).expect(
            200, {"Content-Type": media_type}, body=body)
    refused = repository.put_manifest("bad", listed.replace(digest.encode(),
                                                            digest_of(b"x").encode()),
                                      DOCKER_LIST)
    refused.expect_error(404, "MANIFEST_BLOB_UNKNOWN")


def test_docker_foreign_layers_may_be_absent(repository):
    layers = [{"mediaType": DOCKER_FOREIGN, "size": 1000, "digest": digest_of(b"windows"),
               "urls": ["https://store.example.com/layer"]}]
    content = docker_image(repository, layers=layers)
    repository.push_manifest("windows", content, DOCKER_MANIFEST)
    repository.registry.get(repository.manifest("windows")).expect(200, body=content)


ORAS_TYPE = "application/vnd.cncf.oras.artifact.manifest.v1+json"


def test_manifests_of_other_json_types_are_kept_with_what_they_name(repository, algorithm):
    blob = os.urandom(50)
    named = {"mediaType": "text/plain", "size": len(blob), "digest": digest_of(blob)}
    about = {"mediaType": IMAGE_TYPE, "size": 1, "digest": digest_of(b"about")}
    content = json.dumps({"mediaType": ORAS_TYPE, "artifactType": "signature/example",
                          "blobs": [named], "subject": about}, indent=1).encode()
    digest = digest_of(content, algorithm)
    missing = repository.put_manifest(digest, content, ORAS_TYPE)
    missing.expect_error(404, "MANIFEST_BLOB_UNKNOWN")
    repository.push_blob(blob)
    answer = repository.put_manifest(digest, content, ORAS_TYPE)
    answer.expect(201, {"OCI-Subject": about["digest"], "Docker-Content-Digest": digest})
    repository.registry.get(answer.target()).expect(200, {"Content-Type": ORAS_TYPE},
                                                    body=content)
    listed = repository.registry.get(repository.referrers(about["digest"])).json()["manifests"]
    assert listed == [{"mediaType": ORAS_TYPE, "digest": digest, "size": len(content),
                       "artifactType": "signature/example"}]
    refused = repository.registry.delete(repository.blob(named["digest"]))
    refused.expect_error(405, "DENIED")


@pytest.mark.parametrize("content, media_type", [
    (b'{"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": [], "history": []}',
     "application/vnd.docker.distribution.manifest.v1+json"),
    (b'{"mediaType": "application/x\\r\\nX: y+json"}', "application/x+json"),
    (b"{}", "application/xhtml+xml"), (b"{}", "application/json"), (b"{}", "application/a/b+json"),
    (b'{"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": [], "history": []}',
     "application/vnd.docker.distribution.manifest.v1+prettyjws"),
    (b'{"schemaVersion": 1}', IMAGE_TYPE), (b"{}", IMAGE_TYPE), (b"", IMAGE_TYPE),
    (b"[]", IMAGE_TYPE), (b"\xff\xfe", IMAGE_TYPE), (b'{"schemaVersion": 2', IMAGE_TYPE),
    (b'{"schemaVersion": 2}', IMAGE_TYPE), (b'{"schemaVersion": 2}', "text/html"),
    (b'{"schemaVersion": 2, "mediaType": "text/html", "layers": []}', "text/html")])
def test_what_is_no_manifest_is_refused(repository, content, media_type):
    repository.put_manifest("bad", content, media_type).expect_error(400, "MANIFEST_INVALID")
    repository.registry.head(repository.manifest("bad")).expect(404)


def test_both_digests_of_the_same_bytes_are_names_of_their_own(repository):
    content = os.urandom(100)
    short, long = digest_of(content), digest_of(content, "sha512")
    repository.push_blob(content, short)
    repository.registry.head(repository.blob(long)).expect(404)
    repository.push_blob(content, long)
    repository.registry.delete(repository.blob(short)).expect(202)
    repository.registry.get(repository.blob(long)).expect(
        200, {"Docker-Content-Digest": long}, body=content)


def test_final_addresses_are_fetched(new_repository, algorithm):
    source, repository = new_repository(), new_repository()
    send = repository.registry.send
    content = os.urandom(100)
    digest = source.push_blob(content, digest_of(content, algorithm))
    image = DataSet(algorithm).image(layers=[], config={
        "mediaType": EMPTY_TYPE, "size": 2, "digest": repository.push_blob(b"{}")})
    answers = [
        (send("POST", with_query(repository.uploads, mount=digest, **{"from": source.name})),
         content),
        (send("POST", with_query(repository.uploads, digest=digest), content, OCTETS), content),
        (send("PUT", with_query(repository.begin(), digest=digest), content, OCTETS), content),
        (repository.put_manifest(image.digest, image.content), image.content),
        (repository.put_manifest("tag", image.content), image.content)]
    for answer, body in answers:
        answer.expect(201)
        found = repository.registry.get(answer.target()).expect(200, body=body)
        assert found.header("Content-Type") == (
            IMAGE_TYPE if body == image.content else "application/octet-stream")
