"""Errors, methods, and who may do what: the answers that no client wants, in the specification's
words."""

import base64
import json
import os
import socket

import pytest

from data_sets import DataSet
from registry_client import (ERROR_CODES, IMAGE_TYPE, OCTETS, Registry, Repository, digest_of,
                             with_query)

ONES = "sha256:" + "1" * 64

# Method, path below /v2/NAME, status, code.
CASES = [
    ("GET", "/manifests/sha256:totallywrong", 400, "DIGEST_INVALID"),
    ("PUT", "/manifests/sha256:totallywrong", 400, "DIGEST_INVALID"),
    ("DELETE", "/manifests/sha256:totallywrong", 400, "DIGEST_INVALID"),
    ("GET", "/manifests/.bad", 400, "NAME_INVALID"),
    ("GET", "/manifests/" + "a" * 129, 400, "NAME_INVALID"),
    ("GET", "/manifests/" + ONES, 404, "MANIFEST_UNKNOWN"),
    ("DELETE", "/manifests/" + ONES, 404, "MANIFEST_UNKNOWN"),
    ("DELETE", "/manifests/v1", 404, "MANIFEST_UNKNOWN"),
    ("GET", "/blobs/sha256:totallywrong", 400, "DIGEST_INVALID"),
    ("GET", "/blobs/" + ONES, 404, "BLOB_UNKNOWN"),
    ("DELETE", "/blobs/" + ONES, 404, "BLOB_UNKNOWN"),
    ("GET", "/referrers/latest", 400, "DIGEST_INVALID"),
    ("GET", "/tags/list", 404, "NAME_UNKNOWN"),
    ("PATCH", "/blobs/uploads/none", 404, "BLOB_UPLOAD_UNKNOWN"),
    ("GET", "/nothing", 404, "NAME_UNKNOWN"),
    ("GET", "/tags", 404, "NAME_UNKNOWN"),
    ("GET", "/blobs/", 404, "NAME_UNKNOWN"),
]


@pytest.mark.parametrize("method, path, status, code", CASES)
def test_an_error_has_the_specification_s_body(repository, method, path, status, code):
    answer = repository.registry.send(method, repository.base + path, None)
    answer.expect_error(status, code)
    assert code in ERROR_CODES


BAD_NAMES = ["UPPER", "a//b", "-a", "a-", "a/_b", "a..b", "a___b", "a/", "%20", "a%2fB", "a:b",
             "x" * 256, "a/" + "b" * 254]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_cannot_be_is_refused(registry, name):
    for method, path in (("GET", "/tags/list"), ("POST", "/blobs/uploads/"),
                         ("PUT", "/manifests/v1"), ("GET", f"/blobs/{ONES}")):
        answer = registry.send(method, f"/v2/{name}{path}", b"" if method != "GET" else None)
        assert answer.status in (400, 404), str(answer)
        assert answer.json()["errors"][0]["code"] in ("NAME_INVALID", "NAME_UNKNOWN"), str(answer)


GOOD_NAMES = ["a", "a0", "a-b", "a--b", "a.b", "a_b", "a__b", "0/0/0/0/0", "b" * 240,
              "p/blobs/uploads", "p/manifests/x", "p/tags/list", "p/referrers"]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_every_name_of_the_specification_can_be_used(registry, name):
    repository = Repository(registry, name)
    content = name.encode()
    digest = repository.push_blob(content)
    repository.registry.get(repository.blob(digest)).expect(200, body=content)
    image = DataSet().image(layers=[], config={
        "mediaType": "application/x-named", "size": len(content), "digest": digest})
    repository.push_manifest("v1", image.content)
    repository.registry.get(repository.manifest("v1")).expect(200, body=image.content)
    assert repository.list_tags() == ["v1"]


METHODS = {
    "/blobs/" + ONES: "GET, HEAD, DELETE", "/blobs/uploads/": "POST", "/tags/list": "GET, HEAD",
    "/manifests/v1": "GET, HEAD, PUT, DELETE", "/referrers/" + ONES: "GET, HEAD",
    "/blobs/uploads/x": "GET, HEAD, PUT, PATCH, DELETE"}


@pytest.mark.parametrize("path", METHODS)
def test_another_method_is_405_with_those_that_there_are(repository, path):
    allowed = set(METHODS[path].split(", "))
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - allowed:
        answer = repository.registry.send(method, repository.base + path)
        answer.expect_error(405, "UNSUPPORTED")
        assert set(answer.header("Allow").split(", ")) == allowed


def test_the_version_is_answered_with_and_without_the_slash(registry):
    for target in ("/v2/", "/v2"):
        registry.get(target).expect(200, {"Content-Type": "application/json",
                                          "Docker-Distribution-Api-Version": "registry/2.0"},
                                    body=b"{}")
    registry.send("POST", "/v2/").expect_error(405, "UNSUPPORTED")


def test_parameters_that_nobody_knows_change_nothing(repository):
    digest = repository.push_blob(b"content")
    for target in (repository.blob(digest), "/v2/"):
        repository.registry.get(with_query(target, ns="docker.io", x="")).expect(200)


# Access ------------------------------------------------------------------------------------------

def plain(centre):
    """Somebody without a token."""
    return Registry(centre.api_url)


TARGETS = [("GET", "/v2/"), ("HEAD", "/v2/"), ("GET", "/v2/a/tags/list"),
           ("GET", "/v2/a/manifests/v1"), ("HEAD", "/v2/a/manifests/v1"),
           ("PUT", "/v2/a/manifests/v1"), ("DELETE", "/v2/a/manifests/v1"),
           ("GET", f"/v2/a/blobs/{ONES}"), ("HEAD", f"/v2/a/blobs/{ONES}"),
           ("DELETE", f"/v2/a/blobs/{ONES}"), ("POST", "/v2/a/blobs/uploads/"),
           ("POST", f"/v2/a/blobs/uploads/?mount={ONES}"), ("PATCH", "/v2/a/blobs/uploads/x"),
           ("PUT", f"/v2/a/blobs/uploads/x?digest={ONES}"), ("GET", "/v2/a/blobs/uploads/x"),
           ("DELETE", "/v2/a/blobs/uploads/x"), ("GET", f"/v2/a/referrers/{ONES}"),
           ("GET", "/v2/_catalog")]


@pytest.mark.parametrize("method, target", TARGETS)
def test_everything_challenges(centre, method, target):
    client = plain(centre)
    answer = client.send(method, target, None if method in ("GET", "HEAD") else b"body")
    answer.expect(401, {"Content-Type": "application/json",
                        "Docker-Distribution-Api-Version": "registry/2.0"})
    scheme, _, rest = answer.all("WWW-Authenticate")[0].partition(" ")
    assert scheme in ("Basic", "Bearer") and 'realm="' in rest
    if method != "HEAD":
        assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"
    client.close()


@pytest.mark.parametrize("size", [0, 100, 300_000, 8 << 20])
@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
def test_a_refused_body_can_be_sent_again(centre, new_repository, size, chunked):
    """As suites and clients do it: the same request once more, with what the challenge asks for."""
    client = Registry(centre.api_url, ("anyone", centre.token))
    repository = Repository(client, new_repository().name)
    content = os.urandom(size)
    body = [content[at:at + 100_000] for at in range(0, size, 100_000)] if chunked else content
    answer = client.send("POST", with_query(repository.uploads, digest=digest_of(content)), body,
                         OCTETS)
    answer.expect(201)
    assert client.answered, "it was not challenged"
    client.get(answer.target()).expect(200, body=content)
    client.close()


def test_expect_100_continue_gets_the_challenge_before_the_body(centre):
    host, port = centre.api_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"POST /v2/a/blobs/uploads/?digest={ONES} HTTP/1.1\r\nHost: {host}\r\n"
                           "Expect: 100-continue\r\nContent-Length: 100000000\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 401"


BAD_CREDENTIALS = ["Bearer wrong", "Bearer ", "Basic", "Basic !!!", "Digest x", "Bearer slw_x_y",
                   "Basic " + base64.b64encode(b"anyone:wrong").decode(),
                   "Basic " + base64.b64encode(b"no colon").decode()]


@pytest.mark.parametrize("authorization", BAD_CREDENTIALS)
def test_wrong_credentials_are_challenged_again(centre, authorization):
    client = Registry(centre.api_url, authorization=authorization)
    client.get("/v2/").expect(401)
    client.send("PUT", "/v2/a/manifests/v1", b"{}").expect_error(401, "UNAUTHORIZED")
    client.close()


@pytest.mark.parametrize("user", ["anyone", "", "名字", "a:b"])
def test_basic_takes_the_token_as_password_of_any_user(centre, user):
    if ":" in user:  # RFC 7617: the name ends at the first colon
        basic = base64.b64encode(f"{user}:{centre.token}".encode()).decode()
        Registry(centre.api_url, authorization=f"Basic {basic}").get("/v2/").expect(401)
        return
    basic = base64.b64encode(f"{user}:{centre.token}".encode()).decode()
    Registry(centre.api_url, authorization=f"Basic {basic}").get("/v2/").expect(200)
    Registry(centre.api_url, authorization=f"bearer {centre.token}").get("/v2/").expect(200)


class Users:
    """A project with one repository, and people with tokens."""

    def __init__(self, centre, repository):
        self.centre = centre
        self.repository = repository
        self.project = repository.name.partition("/")[0]

    def user(self, role, project=None):
        secret = self.centre.cli("token", "create", "--role", role, "--project",
                                 project or self.project).stdout.strip()
        return Repository(Registry(self.centre.api_url, ("anyone", secret)), self.repository.name)


@pytest.fixture(scope="module")
def users(centre, new_repository):
    repository = new_repository()
    repository.push_blob(b"seen by viewers")
    Repository(repository.registry, "elsewhere/x").push_blob(b"another project's")
    return Users(centre, repository)


def test_a_viewer_pulls_and_does_not_push(users):
    viewer = users.user("viewer")
    digest = digest_of(b"seen by viewers")
    viewer.registry.get(viewer.blob(digest)).expect(200, body=b"seen by viewers")
    assert viewer.list_tags() == []
    for method, target in (("POST", viewer.uploads), ("PUT", viewer.manifest("v1")),
                           ("DELETE", viewer.blob(digest)), ("DELETE", viewer.manifest("v1")),
                           ("PATCH", viewer.uploads + "x"), ("GET", viewer.uploads + "x"),
                           ("POST", with_query(viewer.uploads, mount=digest))):
        viewer.registry.send(method, target).expect_error(403, "DENIED")


def test_who_has_no_role_in_the_project_sees_nothing(users):
    stranger = users.user("admin", "elsewhere")
    digest = digest_of(b"seen by viewers")
    for target in (stranger.blob(digest), stranger.manifest("v1"), stranger.tags(),
                   stranger.referrers(digest)):
        stranger.registry.get(target).expect_error(403, "DENIED")


@pytest.mark.parametrize("named", [True, False], ids=["with from", "without from"])
def test_a_mount_takes_nothing_that_the_caller_may_not_pull(users, named):
    stranger = users.user("editor", "elsewhere")
    mine = Repository(stranger.registry, "elsewhere/mine")
    query = {"from": users.repository.name} if named else {}
    client = mine.registry.by_password()
    secret, nothing = (client.send("POST", with_query(mine.uploads, mount=digest, **query))
                       for digest in (digest_of(b"seen by viewers"), digest_of(b"nobody has")))
    headers = [sorted(name for name, _ in answer.headers) for answer in (secret, nothing)]
    assert secret.status == nothing.status == 202 and headers[0] == headers[1]
    own = client.send("POST", with_query(mine.uploads, mount=digest_of(b"another project's")))
    own.expect(201)


def test_a_missing_project_is_made_by_who_may_only(users):
    editor = users.user("editor")
    other = Repository(editor.registry, "not-there/x")
    other.registry.send("POST", with_query(other.uploads, digest=digest_of(b"x")),
                        b"x").expect_error(403, "DENIED")
    other.registry.get(other.tags()).expect_error(403, "DENIED")


def test_anonymous_opens_all_on_loopback(start_centre):
    centre = start_centre("--anonymous")
    repository = Repository(Registry(centre.api_url), "fresh/open")
    repository.registry.get("/v2/").expect(200, {"WWW-Authenticate": None})
    data = DataSet()
    image = data.image()
    for digest, content in data.blobs.items():
        repository.push_blob(content, digest)
    repository.push_manifest("v1", image.content)
    repository.registry.get(repository.manifest("v1")).expect(
        200, {"Content-Type": IMAGE_TYPE}, body=image.content)
    repository.registry.close()
    assert json.loads(image.content)["schemaVersion"] == 2
