"""Uploads go on where they were cut: by a connection that was lost silently, by a killed server."""

import hashlib
import random
import socket
import time

import pytest
import requests

import programs

MIB = 1 << 20


@pytest.fixture(name="centre")
def _centre(start_centre):
    return start_centre("--gc-interval", "0", "--scrub-interval", "0")


class Upload:
    """One session of an upload, as its client sees it."""

    def __init__(self, centre):
        self.centre = centre
        self.path = self.send("POST", "/v2/resume/app/blobs/uploads/").headers["Location"]

    def send(self, method, path=None, content=b"", **headers):
        """Sends a request, to the session unless `path` says otherwise."""
        url = self.centre.api_url + (path or self.path)
        return requests.request(method, url, data=content, timeout=120,
                                headers={**self.centre.headers, **headers})

    def send_part(self, content, length):
        """Sends the beginning of a PATCH, and returns the connection that is left open."""
        connection = socket.create_connection(("127.0.0.1", self.centre.ports["api"]), timeout=120)
        connection.sendall((f"PATCH {self.path} HTTP/1.1\r\nHost: localhost\r\n"
                            f"Authorization: {self.centre.headers['Authorization']}\r\n"
                            f"Content-Length: {length}\r\n\r\n").encode() + content)
        return connection

    def wait_for_spool(self, size):
        """Waits until so much of it is in the server's hands."""
        def spooled():
            return max((path.stat().st_size
                        for path in (self.centre.data / "uploads").glob("?" * 32)), default=0)
        programs.wait_until(lambda: spooled() >= size, f"{size} bytes to arrive")

    def size(self):
        """How much the session says it has."""
        status = self.send("GET")
        assert status.status_code == 204, status.text
        return int(status.headers["Range"].removeprefix("0-")) + 1

    def finish(self, content, first):
        """Sends the rest and closes; the blob is there afterwards."""
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        patched = self.send("PATCH", content=content[first:],
                            **{"Content-Range": f"{first}-{len(content) - 1}"})
        assert patched.status_code == 202, patched.text
        put = self.send("PUT", self.path + "?digest=" + digest)
        assert put.status_code == 201, put.text
        assert self.send("GET", "/v2/resume/app/blobs/" + digest).content == content


class SlowPieces:
    """Content of a known length, with pauses longer than what comes fast may wait."""

    def __init__(self, content):
        self.content = content

    def __len__(self):
        return len(self.content)

    def __iter__(self):
        for at in range(0, len(self.content), 50_000):
            yield self.content[at:at + 50_000]
            time.sleep(0.15)


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_the_next_request_takes_over_from_a_connection_that_says_nothing(centre, method):
    content = random.Random(1).randbytes(5 * MIB)
    upload = Upload(centre)
    with upload.send_part(content[:3 * MIB + 100], len(content)) as stale:
        upload.wait_for_spool(3 * MIB)
        if method == "GET":
            assert upload.size() >= 3 * MIB
        elif method == "DELETE":
            assert upload.send("DELETE").status_code == 204
            assert upload.send("GET").status_code == 404
        else:
            path = upload.path + "?digest=sha256:" + "0" * 64 if method == "PUT" else upload.path
            early = upload.send(method, path, b"x", **{"Content-Range": "0-0"})
            assert early.status_code == 416, early.text
            assert int(early.headers["Range"].removeprefix("0-")) + 1 >= 3 * MIB
        told = stale.recv(4096)
        assert told.startswith(b"HTTP/1.1 409 "), told
        if method != "DELETE":
            upload.finish(content, upload.size())


def test_an_upload_in_full_swing_is_taken_over_too(centre):
    content = random.Random(2).randbytes(8 * MIB)
    upload = Upload(centre)
    for _ in range(5):
        with upload.send_part(content[:2 * MIB], len(content)):
            size = upload.size()
        assert upload.size() >= size
        assert upload.send("DELETE").status_code == 204
        upload = Upload(centre)
    upload.finish(content, 0)


def test_a_killed_server_has_all_that_reached_it(centre):
    content = random.Random(3).randbytes(20 * MIB)
    upload = Upload(centre)
    with upload.send_part(content[:15 * MIB], len(content)):
        upload.wait_for_spool(15 * MIB)
        centre.kill()
    centre.start()
    assert upload.size() == 15 * MIB
    upload.finish(content, 15 * MIB)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_one_that_comes_slowly_arrives_whole(centre, method, chunked):
    content = random.Random(4).randbytes(300_000)
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    upload = Upload(centre)

    pieces = SlowPieces(content)
    path = upload.path if method == "PATCH" else "/v2/resume/app/blobs/uploads/?digest=" + digest
    answer = upload.send(method, path, iter(pieces) if chunked else pieces)
    assert answer.status_code == (202 if method == "PATCH" else 201), answer.text
    if method == "PATCH":
        assert upload.size() == len(content)
        assert upload.send("PUT", upload.path + "?digest=" + digest).status_code == 201
    assert upload.send("GET", "/v2/resume/app/blobs/" + digest).content == content


def test_what_was_written_under_another_boot_goes_on_from_what_was_synced(centre):
    content = random.Random(4).randbytes(7 * MIB)
    upload = Upload(centre)
    assert upload.send("PATCH", content=content[:5 * MIB]).status_code == 202  # synced at its end
    assert upload.send("PATCH", content=content[5 * MIB:6 * MIB]).status_code == 202
    assert upload.size() == 6 * MIB
    centre.kill()
    (centre.data / "uploads.boot").write_text("00000000-0000-0000-0000-000000000000\n")
    centre.start()
    assert upload.size() == 5 * MIB
    upload.finish(content, 5 * MIB)
