"""A push that was killed: the next one sends what is missing, not the file once more."""

import json
import random
import socket
import subprocess
import threading

import pytest

import programs

MIB = 1 << 20


class Relay:
    """A way to the control centre that takes no more than `budget` bytes towards it."""

    def __init__(self, centre):
        self.target = ("127.0.0.1", int(centre.api_url.rpartition(":")[2]))
        self.budget = None
        self.stuck = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            threading.Thread(target=self.forward, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.forward, args=(server, client, False), daemon=True).start()

    def forward(self, source, target, is_upload):
        try:
            while piece := source.recv(256 << 10):
                if is_upload and self.budget is not None:
                    piece = piece[:self.budget]
                    self.budget -= len(piece)
                target.sendall(piece)
                if is_upload and self.budget == 0:
                    self.stuck.set()
                    while source.recv(1 << 20):  # until the client is gone
                        self.stuck.wait(0.05)
                    break
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


@pytest.fixture
def relay(slipway):
    made = Relay(slipway)
    yield made
    made.close()


@pytest.mark.parametrize("way", ["push", "model push", "ormb push"])
def test_a_killed_push_goes_on_inside_of_its_file(slipway, relay, tmp_path, way):
    size, cut = 40 * MIB, 30 * MIB
    folder = tmp_path / "in"
    (folder / "model").mkdir(parents=True)
    (folder / "model/weights.bin").write_bytes(random.Random(1).randbytes(size))
    name = f"{relay.host}/default/killed:v1"
    environment = {**slipway.environment, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path),
                   "SLIPWAY_MODELS": str(tmp_path / "models")}

    def run(*words, stdin=None):
        return subprocess.run([str(programs.BINARY), *map(str, words)], text=True, input=stdin,
                              capture_output=True, timeout=120, check=True, env=environment)

    sign_in = [] if way != "ormb push" else ["ormb"]
    run(*sign_in, "login", relay.host, "-u", "any", "--password-stdin", stdin=slipway.token)
    if way == "push":
        words = ["push", folder, name]
    elif way == "model push":
        run("model", "save", folder, name)
        words = ["model", "push", name]
    else:
        run("ormb", "save", folder, name)
        words = ["ormb", "push", name]

    relay.budget = cut
    with subprocess.Popen([str(programs.BINARY), *map(str, words)], env=environment,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert relay.stuck.wait(60)
        process.kill()
    relay.budget, relay.stuck = None, threading.Event()
    count = Counter(relay)
    done = run(*words, *(["-o", "json"] if way != "ormb push" else []))
    assert count.bytes() < size - cut + 2 * MIB
    if way != "ormb push":
        assert json.loads(done.stdout)["uploadedBytes"] < size - cut + 2 * MIB
    slipway.cli("pull", "killed:v1", tmp_path / "out")
    assert (tmp_path / "out/model/weights.bin").read_bytes() == (
        folder / "model/weights.bin").read_bytes()
    notes = list(tmp_path.rglob("uploads/*"))
    assert [path for path in notes if slipway.data not in path.parents] == []


class Counter:
    """How many bytes go through a relay from now on."""

    LARGE = 1 << 40

    def __init__(self, relay):
        self.relay = relay
        relay.budget = self.LARGE

    def bytes(self):
        return self.LARGE - self.relay.budget
