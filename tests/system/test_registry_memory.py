"""What clients that stall take of the control centre's memory."""

import contextlib
import hashlib
import json
import pathlib
import socket

import requests

import programs

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def anonymous_kib(centre):
    text = pathlib.Path(f"/proc/{centre.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("RssAnon")))


def session_of(centre):
    session = requests.Session()
    session.headers.update(centre.headers)
    return session


def sent(stack, centre, method, path, body, **headers):
    """Begins a request whose body does not come to its end; returns its connection."""
    connection = stack.enter_context(
        socket.create_connection(("127.0.0.1", centre.ports["api"]), timeout=60))
    lines = {"Host": f"127.0.0.1:{centre.ports['api']}", **centre.headers, **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    connection.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())
    with contextlib.suppress(OSError):  # an answer came, and the connection was closed
        connection.sendall(body)
    return connection


def begin(session, centre):
    answer = session.post(f"{centre.api_url}/v2/p/a/blobs/uploads/", timeout=60)
    assert answer.status_code == 202, answer.text
    return answer.headers["Location"]


def test_uploads_that_stall(start_centre):
    centre = start_centre()
    session = session_of(centre)
    count = 150
    locations = [begin(session, centre) for _ in range(count)]
    before = anonymous_kib(centre)
    with contextlib.ExitStack() as stack:
        for location in locations:
            sent(stack, centre, "PATCH", location, bytes(1_100_000),
                 **{"Content-Length": "100000000"})

        def spooled():
            sizes = [path.stat().st_size for path in (centre.data / "uploads").glob("?" * 32)]
            return len(sizes) == count and min(sizes) >= 1_000_000

        programs.wait_until(spooled, "the bytes to be taken", timeout_s=300)
        assert anonymous_kib(centre) - before < 60 << 10
    # Another one goes on as if nothing were.
    content = bytes(3_000_000)
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    answer = session.post(f"{centre.api_url}/v2/p/a/blobs/uploads/?digest={digest}", data=content,
                          timeout=60)
    assert answer.status_code == 201, answer.text


def test_manifests_that_stall(start_centre):
    centre = start_centre()
    session = session_of(centre)
    config = b"{}"
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    answer = session.post(f"{centre.api_url}/v2/p/a/blobs/uploads/?digest={digest}", data=config,
                          timeout=60)
    assert answer.status_code == 201, answer.text

    def push(padding):
        body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
                           "config": {"mediaType": "application/vnd.example.config",
                                      "digest": digest, "size": len(config)},
                           "annotations": {"padding": "x" * padding}})
        return session.put(f"{centre.api_url}/v2/p/a/manifests/v1", data=body,
                           headers={"Content-Type": MANIFEST}, timeout=60)

    assert push(100_000).status_code == 201
    before = anonymous_kib(centre)
    with contextlib.ExitStack() as stack:
        def stall(size):
            sent(stack, centre, "PUT", "/v2/p/a/manifests/v1", bytes(size - 10_000),
                 **{"Content-Length": str(size), "Content-Type": MANIFEST})

        def refusal():
            stall(120_000)  # takes the room that is left where a large one is refused
            answer = push(130_000)
            return [answer] if answer.status_code == 503 else None

        for _ in range(40):
            stall(4_000_000)
        (refused,) = programs.wait_until(refusal, "a full budget")
        assert refused.headers["Retry-After"] == "1"
        assert refused.json()["errors"][0]["code"] == "TOOMANYREQUESTS"
        assert "try again" in refused.json()["errors"][0]["message"]
        assert anonymous_kib(centre) - before < 80 << 10
        assert push(1_000).status_code == 201, "small ones find room"
    programs.wait_until(lambda: push(130_000).status_code == 201, "room again")
