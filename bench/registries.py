"""Registries to compare with, and a client that costs next to nothing: raw sockets, no copies."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import select
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator

import measure
from measure import Server

PIECE_BYTES = 1 << 20
CONFIGURATION = """
version: 0.1
log: {{accesslog: {{disabled: true}}, level: error}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""
EMPTY = b"{}"  # the empty config of image-spec 1.1


class Registry:
    """One running registry: its process, its port, and the header that opens it."""

    def __init__(self, name: str, server: Server, port: int, token: str = ""):
        self.name = name
        self.server = server
        self.port = port
        self.token = token
        self.url = f"http://127.0.0.1:{port}"

    def head_lines(self) -> str:
        return f"Authorization: Bearer {self.token}\r\n" if self.token else ""

    def rss_anon_bytes(self) -> int:
        """Memory that is no file's, of the registry's own process."""
        text = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in text.splitlines()
                    if line.startswith("RssAnon:"))

    def client(self) -> Client:
        return Client(self.port, self.head_lines())


def slipway(data: pathlib.Path, *options: str) -> Registry:
    base = measure.free_port_base()
    server = Server([measure.SLIPWAY, "server", "--data", data, "--port-base", base, *options],
                    f"http://127.0.0.1:{base + 80}/readyz",
                    extra_pids=lambda: serve_pids(data))
    return Registry("Slipway", server, base + 80,
                    (data / "run" / "admin.token").read_text().strip())


def serve_pids(data: pathlib.Path) -> list[int]:
    from scenarios.footprint import serve_pids as find
    return find(data)


def distribution(name: str, program: str, folder: pathlib.Path) -> Registry | None:
    """Debian's docker-registry, or distribution v3 of `make peers`; nothing where it is not."""
    found = shutil.which(program, path=os.pathsep.join(
        [os.environ["PATH"], str(measure.CACHE / "peers" / "bin")]))
    if not found:
        print(f"bench: {name} is not there, `make peers` brings it", file=sys.stderr)
        return None
    port = measure.free_port()
    folder.mkdir(parents=True)
    file = folder / "config.yml"
    file.write_text(CONFIGURATION.format(root=folder / "data", port=port))
    server = Server([found, "serve", file], f"http://127.0.0.1:{port}/v2/",
                    environment={"OTEL_TRACES_EXPORTER": "none"})
    return Registry(name, server, port)


@contextlib.contextmanager
def all_registries(folder: pathlib.Path) -> Iterator[list[Registry]]:
    """Slipway first, then the peers that are there, all pinned to the server's core."""
    with contextlib.ExitStack() as stack:
        started = [slipway(folder / "slipway"),
                   distribution("docker-registry 2.8", "docker-registry", folder / "v2"),
                   distribution("distribution 3", "registry", folder / "v3")]
        registries = [registry for registry in started if registry]
        for registry in registries:
            stack.enter_context(registry.server)
        yield registries


class Client:
    """HTTP over one kept connection: files go out by sendfile, bodies come in over one buffer."""

    def __init__(self, port: int, head_lines: str = ""):
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head_lines = head_lines
        self._host = f"127.0.0.1:{port}"
        self._buffer = bytearray(PIECE_BYTES)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def request(self, method: str, path: str, body: bytes | pathlib.Path = b"",
                content_type: str = "application/octet-stream") -> tuple[int, dict[str, str], int]:
        """Sends it, and throws the answer's body away: status, headers, size of the body."""
        size = body.stat().st_size if isinstance(body, pathlib.Path) else len(body)
        head = (f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n{self._head_lines}"
                f"Content-Type: {content_type}\r\nContent-Length: {size}\r\n\r\n").encode()
        if isinstance(body, pathlib.Path):
            self._socket.sendall(head)
            with open(body, "rb") as file:
                self._socket.sendfile(file)
        else:
            self._socket.sendall(head + body)
        return self._answer(method)

    def _answer(self, method: str) -> tuple[int, dict[str, str], int]:
        received = b""
        while b"\r\n\r\n" not in received:
            piece = self._socket.recv(64 << 10)
            if not piece:
                raise RuntimeError(f"the connection ended after {received!r}")
            received += piece
        head, _, rest = received.partition(b"\r\n\r\n")
        status_line, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in
                   (line.partition(":") for line in lines)}
        size = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
        left = size - len(rest)
        while left > 0:
            count = self._socket.recv_into(self._buffer, min(left, PIECE_BYTES))
            if count == 0:
                raise RuntimeError(f"{left} bytes of the body did not come")
            left -= count
        return int(status_line.split()[1]), headers, size

    def expect(self, status: int, method: str, path: str, body: bytes | pathlib.Path = b"",
               **options: str) -> tuple[dict[str, str], int]:
        got, headers, size = self.request(method, path, body, **options)
        if got != status:
            raise RuntimeError(f"{method} {path}: {got}, not {status}")
        return headers, size

    def push_blob(self, repository: str, body: bytes | pathlib.Path, digest: str) -> None:
        headers, _ = self.expect(202, "POST", f"/v2/{repository}/blobs/uploads/")
        location = headers["location"]
        if location.startswith("http"):
            location = "/" + location.split("/", 3)[3]
        separator = "&" if "?" in location else "?"
        self.expect(201, "PUT", f"{location}{separator}digest={digest}", body)

    def push_manifest(self, repository: str, reference: str, content: bytes) -> str:
        headers, _ = self.expect(201, "PUT", f"/v2/{repository}/manifests/{reference}", content,
                                 content_type=MANIFEST_TYPE)
        return headers["docker-content-digest"]


def send_all(port: int, requests: list[bytes], clients: int, status: bytes) -> float:
    """Sends them over so many connections, one at a time on each; the seconds that took.

    Answers have this status and no body.
    """
    left = iter(requests)
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(clients)]
    by_number = {connection.fileno(): connection for connection in connections}
    poller = select.epoll()
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poller.register(connection.fileno(), select.EPOLLIN)
    begin = time.monotonic()
    waiting = 0
    for connection, request in zip(connections, left):
        connection.sendall(request)
        waiting += 1
    while waiting:
        for number, _ in poller.poll():
            answer = by_number[number].recv(16 << 10)
            if answer[9:12] != status or not answer.endswith(b"\r\n\r\n"):
                raise RuntimeError(f"not {status.decode()}: {answer[:500]!r}")
            request = next(left, None)
            if request is None:
                waiting -= 1
            else:
                by_number[number].sendall(request)
    seconds = time.monotonic() - begin
    for connection in connections:
        connection.close()
    return seconds


MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def manifest(blob: tuple[str, int] | None = None, **more: object) -> bytes:
    """An artifact manifest with the empty config and one layer or none."""
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(EMPTY),
             "size": len(EMPTY)}
    layers = [{"mediaType": "application/octet-stream", "digest": blob[0], "size": blob[1]}] \
        if blob else [empty]
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
                       "artifactType": "application/vnd.example.bench", "config": empty,
                       "layers": layers, **more}).encode()


class Peak:
    """The most that `look` said while the block ran, asked every few milliseconds."""

    def __init__(self, look) -> None:
        self._look = look
        self._stop = threading.Event()
        self.value = look()

    def __enter__(self) -> Peak:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            self.value = max(self.value, self._look())

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def serve_files(port_file: str, *files: str) -> None:
    """The floor of a pull: a head and sendfile, file N at `/N`, and nothing else."""
    listener = socket.create_server(("127.0.0.1", 0))
    pathlib.Path(port_file).write_text(str(listener.getsockname()[1]))
    while True:
        connection, _ = listener.accept()
        while request := connection.recv(64 << 10):
            path = request.split(b" ", 2)[1].lstrip(b"/").decode()
            if not path.isdigit():
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                continue
            with open(files[int(path)], "rb") as file:
                size = os.fstat(file.fileno()).st_size
                connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
                sent = 0
                while sent < size:
                    sent += os.sendfile(connection.fileno(), file.fileno(), sent, size - sent)
        connection.close()


def copy_files(folder: str, *files: str) -> None:
    """The floor of a push: read, SHA-256, write and fsync of each file, one after the other.

    Into a new folder, which stays, as what a registry takes in: memory and disk that were used
    before and are free again cost less.
    """
    pathlib.Path(folder).mkdir()
    begin = time.monotonic()
    for index, name in enumerate(files):
        digest = hashlib.sha256()
        with open(name, "rb") as source, open(f"{folder}/{index}", "wb", buffering=0) as target:
            while piece := source.read(PIECE_BYTES):
                digest.update(piece)
                target.write(piece)
            os.fsync(target.fileno())
    print(time.monotonic() - begin)


def sync_rate(folder: str, seconds: str) -> None:
    """Appends of 4 KiB, each synced, that this disk does in a second with one writer."""
    count, begin = 0, time.monotonic()
    with open(f"{folder}/sync-rate", "wb", buffering=0) as file:
        while time.monotonic() - begin < float(seconds):
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            count += 1
    print(count / (time.monotonic() - begin))


if __name__ == "__main__":
    {"serve": serve_files, "copy": copy_files, "sync": sync_rate}[sys.argv[1]](*sys.argv[2:])
