"""Hostile and broken requests to a real control centre: API and registry.

Each gets the error of its protocol that names the field or byte, and leaves nothing behind.
"""

import json
import os
import socket

import pytest
import requests

import programs

GOOD = {"apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": "s"},
        "spec": {"predictor": {"model": "a:b"}}}
TEXT = json.dumps(GOOD)
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
ONES = "sha256:" + "1" * 64


def changed(**members):
    return json.dumps({**GOOD, **members})


def spec(**members):
    return changed(spec={"predictor": {"model": "a:b", **members}})


BODIES = {
    "empty": ("", 400, "BODY_EMPTY", ""),
    "truncated": (TEXT[:-10], 400, "JSON_SYNTAX", "at byte"),
    "trailing": (TEXT + "x", 400, "JSON_SYNTAX", f"at byte {len(TEXT) + 1}"),
    "two documents": (TEXT + TEXT, 400, "JSON_SYNTAX", f"at byte {len(TEXT) + 1}"),
    "10 MB of nesting": ("[" * 10_000_000, 413, "BODY_TOO_LARGE", "262144"),
    "nesting": ("[" * 100_000, 400, "JSON_TOO_DEEP", "64 levels"),
    "a list": ("[]", 400, "FIELD_TYPE", "one object"),
    "a number": ("7", 400, "FIELD_TYPE", "one object"),
    "invalid UTF-8": (b'{"apiVersion":"\xff"}', 400, "JSON_SYNTAX", "at byte 16"),
    "a key twice": ('{"kind":"Service","kind":"Service"}', 400, "JSON_DUPLICATE_KEY", "kind"),
    "another version": (changed(apiVersion="slipway/v9"), 400, "FIELD_RANGE", "apiVersion"),
    "another kind": (changed(kind="Nope"), 400, "FIELD_RANGE", "kind"),
    "unknown member": (changed(sepc={}), 400, "FIELD_UNKNOWN", "sepc"),
    "unknown field": (spec(modle=1), 400, "FIELD_UNKNOWN", "spec.predictor.modle"),
    "wrong type": (changed(metadata=[]), 400, "FIELD_TYPE", "metadata"),
    "a fraction": (spec(instances=1.5), 400, "FIELD_TYPE", "spec.predictor.instances"),
    "a huge number": (spec(instances=10**30), 400, "FIELD_RANGE", "spec.predictor.instances"),
    "a long name": (changed(metadata={"name": "s" * 64}), 400, "FIELD_FORMAT", "metadata.name"),
    "a bad label": (changed(metadata={"name": "s", "labels": {"a b": "c"}}), 400, "FIELD_FORMAT",
                    'metadata.labels["a b"]'),
    "too large": (changed(metadata={"name": "s", "annotations": {"x": "y" * 300_000}}), 413,
                  "BODY_TOO_LARGE", "262144"),
}


@pytest.fixture(scope="module")
def centre(slipway_module):
    return slipway_module


@pytest.fixture
def session(centre):
    with requests.Session() as session:
        session.headers.update(centre.headers)
        yield session
        # As it was: nothing is there, and the next request is answered.
        services = session.get(services_url(centre), timeout=30)
        assert services.status_code == 200 and services.json()["items"] == []
        tags = session.get(f"{centre.api_url}/v2/default/m/tags/list", timeout=30)
        assert tags.status_code == 404
        assert os.listdir(centre.data / "uploads") == []
        assert not [file for _, _, files in os.walk(centre.data / "blobs") for file in files]


def services_url(centre):
    return centre.api_url + "/api/v1/projects/default/services"


def check_problem(answer, status, reason, words):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["reason"] == reason, answer.text
    assert words in problem["detail"]


@pytest.mark.parametrize("case", BODIES)
def test_resources(centre, session, case):
    body, status, reason, words = BODIES[case]
    answer = session.post(services_url(centre), data=body, timeout=60,
                          headers={"Content-Type": "application/json"})
    check_problem(answer, status, reason, words)


def test_yaml_that_grows(centre, session):
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for before, name in zip("abcdefgh", "bcdefghi"):
        lines.append(f"{name}: &{name} [{','.join(['*' + before] * 9)}]")
    answer = session.post(services_url(centre), data="\n".join(lines), timeout=60,
                          headers={"Content-Type": "application/yaml"})
    check_problem(answer, 400, "YAML_ALIAS", "at line 2, column 8")


@pytest.mark.parametrize("path, status, reason, words", [
    ("projects/default/nopes", 404, "ROUTE_UNKNOWN", "nopes"),
    ("projects/default/services/nope", 404, "RESOURCE_UNKNOWN", "default/nope"),
    ("projects/default/services?limit=0", 400, "FIELD_RANGE", "limit: 1 to 5000"),
    ("projects/default/services?limit=x", 400, "QUERY_INVALID", "limit"),
    ("projects/default/services?label=%20=", 400, "SELECTOR_INVALID", "label"),
    ("projects/default/services?continue=zz", 400, "CONTINUE_INVALID", "continue"),
    ("projects/default/services?watch=1&after=x", 400, "QUERY_INVALID", "after"),
    ("projects/default/services?watch=1&after=999999999", 410, "EXPIRED", "list again"),
    ("projects/default/services?lable=a", 400, "QUERY_UNKNOWN", "did you mean label?"),
    ("projects/default/services?limit=1&limit=2", 400, "QUERY_REPEATED", '"limit"'),
    ("projects/default/services?watch=yes", 400, "QUERY_INVALID", "1 or 0, true or false"),
    ("projects/default/services/nope/logs?folow=1", 400, "QUERY_UNKNOWN", "did you mean follow?"),
    ("explain?kind=service", 400, "QUERY_UNKNOWN", "the parameters are path"),
    ("sites/local?%ff=1", 400, "QUERY_UNKNOWN", "there are none"),
])
def test_paths_and_queries(centre, session, path, status, reason, words):
    check_problem(session.get(f"{centre.api_url}/api/v1/{path}", timeout=30), status, reason, words)


def test_no_route_takes_a_parameter_that_it_does_not_know(centre, session):
    paths = session.get(f"{centre.api_url}/openapi.json", timeout=30).json()["paths"]
    walked = 0
    for path, methods in paths.items():
        if not path.startswith("/api/v1/"):
            continue
        url = centre.api_url + path.replace("{", "x").replace("}", "x") + "?colour=red"
        for method in methods:
            answer = session.request(method.upper(), url, timeout=30)
            check_problem(answer, 400, "QUERY_UNKNOWN", '"colour"')
            assert answer.json()["field"] == "colour"
            walked += 1
    assert walked > 50


def check_oci(answer, status, code, words):
    assert answer.status_code == status, answer.text
    error = answer.json()["errors"][0]
    assert error["code"] == code, answer.text
    assert words in error["message"]


def manifest(**members):
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, **members})


def config(size):
    return {"mediaType": EMPTY_TYPE, "digest": ONES, "size": size}


MANIFESTS = {
    "truncated": (manifest()[:-1], 400, "MANIFEST_INVALID", "at byte"),
    "trailing": (manifest() + "x", 400, "MANIFEST_INVALID", f"at byte {len(manifest()) + 1}"),
    "nesting": ("[" * 100_000, 400, "MANIFEST_INVALID", "32 levels"),
    "no version": ("{}", 400, "MANIFEST_INVALID", "schemaVersion is missing"),
    "negative size": (manifest(config=config(-2), layers=[]), 400, "MANIFEST_INVALID",
                      "config.size"),
    "unknown blob": (manifest(config=config(2), layers=[]), 404, "MANIFEST_BLOB_UNKNOWN", ONES),
    "too large": (manifest(annotations={"x": "y" * 5_000_000}), 413, "SIZE_INVALID", "4194304"),
}


@pytest.mark.parametrize("case", MANIFESTS)
def test_manifests(centre, session, case):
    body, status, code, words = MANIFESTS[case]
    answer = session.put(f"{centre.api_url}/v2/default/m/manifests/v1", data=body, timeout=60,
                         headers={"Content-Type": MANIFEST_TYPE})
    check_oci(answer, status, code, words)


def test_digests(centre, session):
    """Wrong ones of small blobs, of large ones, in sessions and of manifests."""
    base = centre.api_url + "/v2/default/m"
    answer = session.post(f"{base}/blobs/uploads/?digest=sha256:zz", data=b"x", timeout=30)
    check_oci(answer, 400, "DIGEST_INVALID", "64 hex digits")
    for size in (1, 200_000):
        answer = session.post(f"{base}/blobs/uploads/?digest={ONES}", data=b"x" * size, timeout=30)
        check_oci(answer, 400, "DIGEST_INVALID", ONES)
        begun = session.post(f"{base}/blobs/uploads/", timeout=30)
        location = requests.compat.urljoin(centre.api_url, begun.headers["Location"])
        assert session.patch(location, data=b"x" * size, timeout=30).status_code == 202
        check_oci(session.put(f"{location}?digest={ONES}", timeout=30), 400, "DIGEST_INVALID", ONES)
        assert session.head(f"{base}/blobs/{ONES}", timeout=30).status_code == 404
    answer = session.put(f"{base}/manifests/{ONES}", data=manifest(), timeout=30,
                         headers={"Content-Type": MANIFEST_TYPE})
    check_oci(answer, 400, "DIGEST_INVALID", ONES)


@pytest.mark.parametrize("path, status, code", [
    ("default/m/manifests/nope", 404, "MANIFEST_UNKNOWN"),
    (f"default/m/blobs/{ONES}", 404, "BLOB_UNKNOWN"),
    ("default/m/blobs/uploads/nope", 404, "BLOB_UPLOAD_UNKNOWN"),
    ("default/m/tags/list", 404, "NAME_UNKNOWN"),
    ("default/m/manifests/..%2f..%2fx", 400, "NAME_INVALID"),
    ("UPPER/x/tags/list", 400, "NAME_INVALID"),
])
def test_registry_paths(centre, session, path, status, code):
    check_oci(session.get(f"{centre.api_url}/v2/{path}", timeout=30), status, code, "")


@pytest.mark.parametrize("name, request_bytes, status", [
    ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b" 400 "),
    ("head too large", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
     b" 431 "),
    ("foreign host", b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
     b" 403 "),
])
def test_http(centre, session, name, request_bytes, status):
    with socket.create_connection(("127.0.0.1", centre.ports["api"]), 30) as connection:
        connection.sendall(request_bytes)
        answer = connection.recv(4096)
    assert status in answer.split(b"\r\n", 1)[0], name
    assert programs.answers(centre.api_url + "/healthz")


@pytest.mark.parametrize("rest, status", [
    (b" HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n", 431),
    (b" HTTP/1.1\r\nHost: localhost\r\nno header\r\n\r\n", 400),
    (b" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    (b" HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
], ids=["large", "malformed", "encoding", "host"])
def test_what_is_refused_before_there_is_a_request_speaks_the_registrys_language(
        centre, rest, status):
    with socket.create_connection(("127.0.0.1", centre.ports["api"]), 30) as connection:
        connection.sendall(b"GET /v2/default/m/tags/list" + rest)
        head, body = b"", b""
        with connection.makefile("rb") as answer:
            while (line := answer.readline()) not in (b"\r\n", b""):
                head += line
            length = next(int(line.split(b":")[1]) for line in head.splitlines()
                          if line.lower().startswith(b"content-length:"))
            body = answer.read(length)
    assert int(head.split()[1]) == status
    assert b"content-type: application/json" in head.lower()
    error = json.loads(body)["errors"][0]
    assert error["code"] in ("UNSUPPORTED", "DENIED", "TOOMANYREQUESTS") and error["message"]


def test_a_body_that_stops_in_the_middle(centre, session):
    """The client is gone: what came of its blob is given up, or kept for it to go on."""
    base = "/v2/default/m/blobs/uploads/"
    head = (f"POST {base}?digest={ONES} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {centre.token}\r\nContent-Length: 1000000\r\n\r\n")
    with socket.create_connection(("127.0.0.1", centre.ports["api"]), 30) as connection:
        connection.sendall(head.encode() + b"x" * 300_000)
    programs.wait_until(lambda: os.listdir(centre.data / "uploads") == [],
                        "the end of an upload that nobody can go on with")
    blob = session.head(f"{centre.api_url}/v2/default/m/blobs/{ONES}", timeout=30)
    assert blob.status_code == 404
