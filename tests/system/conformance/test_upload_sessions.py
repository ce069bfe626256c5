"""Upload sessions: where they answer, how they go on, and what they refuse."""

import os
import re
import socket

import pytest

import programs
import push_forms
from registry_client import OCTETS, Registry, Repository, digest_of, with_query


def test_locations_name_no_host_so_that_proxies_keep_their_clients(repository):
    content = b"behind a proxy"
    digest = digest_of(content)
    repository.begin()  # the token service is asked without the proxy
    # The client's own Host goes first; a proxy adds the others.
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "registry.example.com"}
    send = repository.registry.send
    begun = send("POST", repository.uploads, b"", forwarded).expect(202)
    patched = send("PATCH", begun.target(), content, {**OCTETS, **forwarded}).expect(202)
    put = send("PUT", with_query(patched.target(), digest=digest), b"", forwarded).expect(201)
    for answer in (begun, patched, put):
        assert answer.header("Location").startswith(f"/v2/{repository.name}/blobs/")


def test_an_address_keeps_the_query_that_the_client_adds_to(repository):
    content = b"state"
    location = with_query(repository.begin(), _state="opaque+/=", note="1")
    location = push_forms.take_piece(repository, location, 0, content)
    answer = push_forms.close(repository, with_query(location, _state="x"), digest_of(content))
    answer.expect(201, {"Location": repository.blob(digest_of(content))})


def test_uploads_begin_with_and_without_the_last_slash(repository):
    for target in (repository.uploads, repository.uploads.rstrip("/")):
        answer = repository.registry.send("POST", target).expect(202, {"Content-Length": "0"})
        assert re.fullmatch(re.escape(repository.uploads) + r"[A-Za-z0-9_.~-]+", answer.target())


def test_a_session_without_bytes_says_0_0(repository):
    begun = repository.registry.send("POST", repository.uploads)
    begun.expect(202, {"Range": "0-0"})
    status = repository.registry.get(begun.target())
    status.expect(204, {"Range": "0-0", "Location": begun.header("Location")}, body=b"")


def test_patch_answers_the_inclusive_range(repository):
    location = repository.begin()
    for first, piece in ((0, b"a"), (1, b"bc"), (3, b"def")):
        location = push_forms.take_piece(repository, location, first, piece)
    push_forms.close(repository, location, digest_of(b"abcdef")).expect(201)


def test_every_earlier_address_of_a_session_stays_valid(repository):
    first = repository.begin()
    second = push_forms.take_piece(repository, first, 0, b"abc")
    third = push_forms.take_piece(repository, second, 3, b"def")
    for location in (first, second, third):
        repository.registry.get(location).expect(204, {"Range": "0-5"})
    push_forms.take_piece(repository, first, 6, b"ghi")
    push_forms.close(repository, second, digest_of(b"abcdefghi")).expect(201)


@pytest.mark.parametrize("first", [0, 2, 4, 1000], ids=["again", "inside", "ahead", "far ahead"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_piece_out_of_its_turn_leaves_the_session_as_it_was(repository, method, first):
    location = push_forms.take_piece(repository, repository.begin(), 0, b"abc")
    piece = b"xyz"
    refused = (push_forms.patch(repository, location, first, piece) if method == "PATCH" else
               push_forms.close(repository, location, digest_of(b"abcxyz"), first, piece))
    refused.expect_error(416, "BLOB_UPLOAD_INVALID")
    assert refused.header("Range") == "0-2" and refused.target() == location
    assert "not at " + str(first) in refused.json()["errors"][0]["message"]
    repository.registry.get(location).expect(204, {"Range": "0-2"})
    push_forms.close(repository, location, digest_of(b"abcxyz"), 3, piece).expect(201)
    repository.registry.get(repository.blob(digest_of(b"abcxyz"))).expect(200, body=b"abcxyz")


@pytest.mark.parametrize("header", ["bytes 0-2/3", "bytes 0-2/*", "bytes=0-2", "0-2"])
def test_content_range_is_understood_in_the_forms_that_clients_know(repository, header):
    answer = repository.registry.send("PATCH", repository.begin(), b"abc",
                                      {"Content-Range": header})
    answer.expect(202, {"Range": "0-2"})


@pytest.mark.parametrize("header", ["", "0", "-", "0-", "-2", "2-0", "a-b", "0-2-4", "0x0-0x2",
                                    "0-18446744073709551615", "99999999999999999999-1"])
def test_a_content_range_that_is_none_is_refused(repository, header):
    location = repository.begin()
    answer = repository.registry.send("PATCH", location, b"abc", {"Content-Range": header})
    answer.expect_error(400, "BLOB_UPLOAD_INVALID")
    assert answer.header("Range") == "0-0"
    push_forms.take_piece(repository, location, 0, b"abc")


@pytest.mark.parametrize("header", ["0-1", "0-3", "0-1000"])
def test_a_content_range_of_another_length_is_refused(repository, header):
    location = repository.begin()
    answer = repository.registry.send("PATCH", location, b"abc", {"Content-Range": header})
    answer.expect_error(400, "SIZE_INVALID")
    repository.registry.get(location).expect(204, {"Range": "0-0"})
    push_forms.take_piece(repository, location, 0, b"abc")


def test_a_chunked_body_longer_than_its_content_range_is_refused(repository):
    location = repository.begin()
    answer = repository.registry.send("PATCH", location, [b"abc", b"defgh"],
                                      {"Content-Range": "0-4"})
    answer.expect_error(400, "SIZE_INVALID")
    had = repository.registry.get(location).expect(204).header("Range")
    assert had in ("0-0", "0-2", "0-4")


def test_streamed_pieces_are_appended_one_after_the_other(repository):
    location = repository.begin()
    whole = b""
    for body in (b"first ", [b"second ", b"", b"in chunks "][::2], b"third"):
        location = repository.registry.send("PATCH", location, body, OCTETS).expect(202).target()
        whole += body if isinstance(body, bytes) else b"".join(body)
    push_forms.close(repository, location, digest_of(whole)).expect(201)
    repository.registry.get(repository.blob(digest_of(whole))).expect(200, body=whole)


def test_the_last_piece_in_the_put_may_be_streamed(repository):
    content = os.urandom(3067)
    location = push_forms.take_piece(repository, repository.begin(), 0, content[:1000])
    answer = repository.registry.send(
        "PUT", with_query(location, digest=digest_of(content)), [content[1000:2000],
                                                                 content[2000:]])
    answer.expect(201, {"Location": repository.blob(digest_of(content))})


def test_pieces_of_one_byte_are_taken_since_no_least_length_is_named(repository):
    begun = repository.registry.send("POST", repository.uploads)
    begun.expect(202, {"OCI-Chunk-Min-Length": None})
    location, content = begun.target(), b"byte by byte"
    for first in range(len(content)):
        location = push_forms.take_piece(repository, location, first, content[first:first + 1])
    push_forms.close(repository, location, digest_of(content)).expect(201)


@pytest.mark.parametrize("named", ["sha256", "sha512"])
def test_digest_algorithm_binds_nobody(repository, algorithm, named):
    """The digest of the closing PUT is what counts, whatever was announced."""
    content = os.urandom(300)
    digest = digest_of(content, algorithm)
    location = repository.begin(**{"digest-algorithm": named})
    location = push_forms.take_piece(repository, location, 0, content)
    push_forms.close(repository, location, digest).expect(201, {"Docker-Content-Digest": digest})
    repository.registry.get(repository.blob(digest)).expect(200, body=content)


@pytest.mark.parametrize("named", ["md5", "sha384", "", "SHA256"])
def test_a_digest_algorithm_that_is_not_known_is_refused(repository, named):
    repository.registry.send("POST", with_query(repository.uploads, **{
        "digest-algorithm": named})).expect_error(400, "DIGEST_INVALID")


BAD_DIGESTS = ["", "sha256", "sha256:", "sha256:abc", "sha256:" + "G" * 64, "sha256:" + "a" * 63,
               "sha256:" + "A" * 64, "sha512:" + "a" * 64, "md5:" + "a" * 32, "../../etc/passwd"]


@pytest.mark.parametrize("digest", BAD_DIGESTS)
def test_a_digest_that_is_none_is_refused_and_the_session_goes_on(repository, digest):
    send = repository.registry.send
    send("POST", with_query(repository.uploads, digest=digest), b"x").expect_error(
        400, "DIGEST_INVALID")
    send("POST", with_query(repository.uploads, mount=digest)).expect_error(400, "DIGEST_INVALID")
    location = push_forms.take_piece(repository, repository.begin(), 0, b"abc")
    send("PUT", with_query(location, digest=digest)).expect_error(400, "DIGEST_INVALID")
    send("PUT", location).expect_error(400, "DIGEST_INVALID")
    push_forms.close(repository, location, digest_of(b"abc")).expect(201)


def test_a_session_that_was_closed_is_gone(repository):
    location = push_forms.take_piece(repository, repository.begin(), 0, b"abc")
    push_forms.close(repository, location, digest_of(b"abc")).expect(201)
    repository.registry.get(location).expect_error(404, "BLOB_UPLOAD_UNKNOWN")
    push_forms.close(repository, location, digest_of(b"abc")).expect_error(
        404, "BLOB_UPLOAD_UNKNOWN")


def test_a_session_belongs_to_its_repository(new_repository):
    one, other = new_repository(), new_repository()
    identifier = one.begin().rpartition("/")[2]
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        other.registry.send(method, with_query(other.uploads + identifier, digest=digest_of(b"")),
                            None).expect_error(404, "BLOB_UPLOAD_UNKNOWN")
    one.registry.get(one.uploads + identifier).expect(204)


@pytest.mark.parametrize("identifier", ["x", "..%2f..%2fetc", "%00", "a" * 2000, "-", "0-0"])
def test_a_session_that_nobody_began_is_unknown(repository, identifier):
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        target = with_query(repository.uploads + identifier, digest=digest_of(b""))
        answer = repository.registry.send(method, target, None)
        assert answer.status in (400, 404), str(answer)
        assert answer.json()["errors"][0]["code"] in ("BLOB_UPLOAD_UNKNOWN", "UNSUPPORTED",
                                                      "NAME_UNKNOWN")


def test_a_session_belongs_to_who_began_it(centre, repository):
    secret = centre.cli("token", "create", "--role", "admin").stdout.strip()
    other = Registry(centre.api_url, ("anyone", secret))
    location = push_forms.take_piece(repository, repository.begin(), 0, b"abc")
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        other.send(method, with_query(location, digest=digest_of(b"abc")), None).expect_error(
            404, "BLOB_UPLOAD_UNKNOWN")
    other.close()
    push_forms.close(repository, location, digest_of(b"abc")).expect(201)


def test_mount_takes_parameters_that_it_does_not_know(new_repository):
    source, target = new_repository(), new_repository()
    digest = source.push_blob(b"mounted by crane")
    target.registry.send("POST", with_query(
        target.uploads, mount=digest, origin="127.0.0.1:5000", **{"from": source.name})).expect(
            201, {"Location": target.blob(digest), "Docker-Content-Digest": digest})


def test_a_mounted_blob_is_gone_at_once_where_it_is_deleted_and_only_there(new_repository):
    repositories = [new_repository() for _ in range(3)]
    digest = repositories[0].push_blob(b"in three repositories")
    for target in repositories[1:]:
        target.registry.by_password().send("POST", with_query(
            target.uploads, mount=digest)).expect(201)
    for number, deleted in enumerate(repositories):
        deleted.registry.delete(deleted.blob(digest)).expect(202)
        for other, one in enumerate(repositories):
            answer = one.registry.head(one.blob(digest))
            answer.expect(404 if other <= number else 200)


def test_mount_into_the_own_repository_changes_nothing(repository):
    digest = repository.push_blob(b"here already")
    repository.registry.send("POST", with_query(
        repository.uploads, mount=digest, **{"from": repository.name})).expect(201)
    repository.registry.get(repository.blob(digest)).expect(200, body=b"here already")


# Lost connections, and servers that end ----------------------------------------------------------

def break_off(centre, target, head, body):
    """Sends a request that is not finished, on a connection that is then reset."""
    host, port = centre.api_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"PATCH {target} HTTP/1.1\r\nHost: {host}\r\n"
                           f"Authorization: Bearer {centre.token}\r\n{head}\r\n\r\n".encode()
                           + body)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):  # the server has noticed once it answers or closes
            pass


def received(repository, location):
    """How many bytes the session has, once the broken request let go of it."""
    def ask():
        answer = repository.registry.get(location)
        return answer if answer.status == 204 else None
    last = int(programs.wait_until(ask, "the status of the upload").header("Range")[2:])
    return last + 1 if last else 0


@pytest.mark.parametrize("form", ["with a length", "in chunks"])
def test_an_upload_goes_on_after_the_connection_was_lost(centre, repository, form):
    content = os.urandom(400_000)
    location = repository.begin()
    part = content[:250_000]
    if form == "with a length":
        break_off(centre, location, f"Content-Length: {len(content)}", part)
    else:
        break_off(centre, location, "Transfer-Encoding: chunked",
                  b"%x\r\n%b\r\n%x\r\n" % (len(part), part, 150_000))
    had = received(repository, location)
    assert 0 < had <= len(part)
    location = push_forms.take_piece(repository, location, had, content[had:])
    push_forms.close(repository, location, digest_of(content)).expect(201)
    repository.registry.get(repository.blob(digest_of(content))).expect(200, body=content)


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_uploads_go_on_after_the_server_ended(start_centre, end):
    """A session says what it has: all that came."""
    def connect():
        return Repository(Registry(centre.api_url, ("anyone", centre.token)), "team/resumed")

    centre = start_centre()
    content, small = os.urandom(10 << 20), os.urandom(1000)
    repository = connect()
    location, other = repository.begin(), repository.begin()
    for first in range(0, 9 << 20, 1 << 20):
        location = push_forms.take_piece(repository, location, first,
                                         content[first:first + (1 << 20)])
    push_forms.take_piece(repository, other, 0, small[:500])
    getattr(centre, end)()
    centre.start()
    repository = connect()
    repository.registry.get(location).expect(204, {"Range": f"0-{(9 << 20) - 1}"})
    push_forms.patch(repository, location, 8 << 20, content[8 << 20:]).expect_error(
        416, "BLOB_UPLOAD_INVALID")
    push_forms.take_piece(repository, location, 9 << 20, content[9 << 20:])
    digest = digest_of(content, "sha512")
    push_forms.close(repository, location, digest).expect(201, {"Docker-Content-Digest": digest})
    repository.registry.get(repository.blob(digest)).expect(200, body=content)
    repository.registry.get(other).expect(204, {"Range": "0-499"})
    push_forms.take_piece(repository, other, 500, small[500:])
    push_forms.close(repository, other, digest_of(small)).expect(201)
    repository.registry.get(repository.blob(digest_of(small))).expect(200, body=small)
    repository.registry.close()
