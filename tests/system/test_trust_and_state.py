"""What outlives its right: streams of a revoked token, stale files of the data folder."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
from random import Random

import pytest
import requests

import programs
from programs import wait_until

MODELS = programs.ROOT / "tests/fixtures/models"
SERVICES = "/api/v1/projects/default/services"


def make_token(centre, *arguments):
    return centre.cli("token", "create", "reader", "--role", "viewer", "--project", "default",
                      *arguments).stdout.strip()


def stream(centre, path, token):
    return requests.get(centre.api_url + path, stream=True, timeout=60,
                        headers={"Authorization": f"Bearer {token}"})


def status(centre, token):
    return requests.get(centre.api_url + SERVICES, timeout=10,
                        headers={"Authorization": f"Bearer {token}"}).status_code


def run_closed(arguments, **options):
    """Runs the binary through a shell that closes descriptors 0 to 2."""
    return subprocess.Popen(["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", *map(str, arguments)],
                            **options)


def test_a_watch_ends_with_its_token(slipway):
    token = make_token(slipway)
    with stream(slipway, SERVICES + "?watch=1", token) as answer:
        assert answer.status_code == 200
        slipway.cli("token", "revoke", "reader")
        last = answer.text.strip().splitlines()  # returns when the server ends the stream
    assert "event: error" in last
    problem = json.loads(last[-1].removeprefix("data: "))
    assert (problem["code"], problem["reason"]) == ("UNAUTHENTICATED", "TOKEN_REVOKED")


def test_a_watch_ends_when_its_token_expires(slipway):
    token = make_token(slipway, "--expires", "5s")
    with stream(slipway, SERVICES + "?watch=1", token) as answer:
        assert answer.status_code == 200
        assert '"TOKEN_EXPIRED"' in answer.text


def test_a_followed_log_ends_with_its_token(slipway):
    slipway.cli("push", MODELS / "linear_a.onnx", "linear:a")
    slipway.cli("deploy", "linear:a")
    token = make_token(slipway)
    with stream(slipway, SERVICES + "/linear/logs?follow=1", token) as answer:
        assert answer.status_code == 200
        slipway.cli("token", "revoke", "reader")
        text = b""
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            for piece in answer.iter_content(None):
                text += piece
    assert b"TOKEN_REVOKED" in text.splitlines()[-1]


@pytest.mark.parametrize("verb", ["server", "serve"])
def test_an_empty_or_lost_path_is_a_sentence(tmp_path, verb):
    def run(*arguments, cwd=tmp_path):
        return subprocess.run([str(programs.BINARY), verb, *arguments], text=True, cwd=cwd,
                              capture_output=True, timeout=20, check=False)

    required = ["--data", "d"] if verb == "server" else ["m.onnx"]
    options = ["--tls-cert", "--tls-key"] + (["--data", "--log-file"] if verb == "server"
                                             else ["--ports-file", "--token-file"])
    for option in options:
        done = run(*(required if option != "--data" else []), option, "")
        assert done.returncode == 2 and option in done.stderr, (option, done.stderr)
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f'rmdir "{gone}"; exec "$@"'
    done = subprocess.run(["sh", "-c", command, "sh", str(programs.BINARY), verb, *required],
                          text=True, cwd=gone, capture_output=True, timeout=20, check=False)
    assert done.returncode == 2 and "current folder" in done.stderr, done.stderr


def test_closed_standard_descriptors_get_no_log(slipway, tmp_path):
    unheard = run_closed([programs.BINARY, "token", "list"], env=slipway.environment)
    assert unheard.wait(30) != 0, "a result that nobody gets"
    data = tmp_path / "closed"
    server = run_closed([programs.BINARY, "server", "--data", data, "--port-base", "0"],
                        env=slipway.environment)
    try:
        wait_until((data / "run/ports.json").exists, "ports.json")
        assert (data / "lock").read_text() == f"{server.pid}\n"
    finally:
        server.terminate()
        server.wait(30)
    assert (data / "lock").read_text() == f"{server.pid}\n"


def test_a_full_standard_output_is_told(slipway):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([str(programs.BINARY), "token", "list"], stdout=full, text=True,
                              stderr=subprocess.PIPE, env=slipway.environment, timeout=30,
                              check=False)
    assert done.returncode != 0 and done.stderr.startswith("slipway: "), done.stderr


def test_a_back_up_that_was_made_while_it_ran_is_a_data_folder(slipway, start_centre, tmp_path):
    folder = tmp_path / "linear"
    folder.mkdir()
    shutil.copy(MODELS / "linear_a.onnx", folder / "model.onnx")
    (folder / "large.bin").write_bytes(os.urandom(300_000))
    slipway.cli("push", folder, "linear:a")
    slipway.cli("deploy", "linear:a", "--as", "f")
    # As docs/operations.md has it.
    copy = tmp_path / "restored" / "data"
    copy.mkdir(parents=True, mode=0o700)
    for name in ("format", "secret.key"):
        shutil.copy2(slipway.data / name, copy / name)
    with (contextlib.closing(sqlite3.connect(slipway.data / "slipway.db")) as source,
          contextlib.closing(sqlite3.connect(copy / "slipway.db")) as target):
        source.backup(target)
    shutil.copytree(slipway.data / "blobs", copy / "blobs")
    slipway.stop()
    restored = start_centre(folder=tmp_path / "restored")
    assert restored.data == copy
    restored.cli("pull", "linear:a", tmp_path / "pulled")
    assert (tmp_path / "pulled/large.bin").read_bytes() == (folder / "large.bin").read_bytes()
    wait_until(lambda: "Ready" in restored.cli("services").stdout, "the service answers")


@pytest.mark.parametrize("content", ["", "garbage\n", "slw_000000000000_" + "a" * 52 + "\n", None])
def test_a_stale_admin_token_is_made_anew(slipway, content):
    before = slipway.token
    if content is None:
        slipway.cli("token", "revoke", "admin")
    slipway.stop()
    if content is not None:
        slipway.token_file.write_text(content)
    slipway.start()
    assert slipway.token != before
    assert status(slipway, slipway.token) == 200
    assert status(slipway, before) == 401
    assert "made anew" in slipway.log.read_text()
    kept = slipway.token
    slipway.stop()
    slipway.start()
    assert slipway.token == kept, "a valid one stays"


@pytest.mark.parametrize("lose", [os.unlink, lambda path: os.truncate(path, 0)])
def test_a_lost_database_is_refused(slipway, lose):
    slipway.cli("push", MODELS / "linear_a.onnx", "linear:a")
    slipway.stop()
    lose(slipway.data / "slipway.db")
    done = subprocess.run(slipway.command(), text=True, capture_output=True, timeout=30,
                          check=False)
    assert done.returncode == 6, done.stderr
    assert "slipway.db" in done.stderr and "backup" in done.stderr and "--data" in done.stderr
    assert not (slipway.data / "slipway.db").exists() or not os.path.getsize(
        slipway.data / "slipway.db"), "nothing was made"


@pytest.mark.parametrize("damage", ["garbage", "missing"])
def test_a_lost_site_database_is_made_anew_and_leaves_no_process(slipway, damage):
    slipway.cli("push", MODELS / "linear_a.onnx", "linear:a")
    slipway.cli("deploy", "linear:a")
    left = json.loads(slipway.cli("status", "-o", "json").stdout)["serve"]["pid"]
    slipway.kill()
    site = slipway.data / "sites/local"
    for path in site.glob("site.db*"):
        path.unlink()
    if damage == "garbage":
        (site / "site.db").write_bytes(b"no database at all\n" * 400)
    slipway.start()
    url = slipway.inference_url + "/v2/models/linear/ready"
    wait_until(lambda: programs.answers(url), "the service under its new data plane")
    serves = [pid for pid, command in slipway.family().items() if " serve " in command]
    assert len(serves) == 1 and serves != [left]
    aside = [path for path in site.glob("site.db.damaged-*")
             if not path.name.endswith(("-wal", "-shm"))]
    assert len(aside) == (1 if damage == "garbage" else 0)


def whole_file(path):
    """The database without a log beside it, as bytes."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return bytearray(path.read_bytes())


@pytest.mark.parametrize("seed", range(6))
def test_a_site_database_with_damaged_pages_never_stops_the_start(slipway, seed):
    """Random bytes at three places beyond the head; at the head of a page with odd seeds."""
    slipway.cli("push", MODELS / "linear_a.onnx", "linear:a")
    slipway.cli("deploy", "linear:a")
    slipway.kill()
    site = slipway.data / "sites/local"
    content = whole_file(site / "site.db")
    random = Random(seed)
    for _ in range(3):
        at = random.randrange(100, len(content) - 256)
        if seed % 2:
            at = at // 4096 * 4096 or 100
        content[at:at + 256] = random.randbytes(256)
    (site / "site.db").write_bytes(content)
    slipway.start()
    url = slipway.inference_url + "/v2/models/linear/ready"
    wait_until(lambda: programs.answers(url), "the service")
    serves = [pid for pid, command in slipway.family().items() if " serve " in command]
    assert len(serves) == 1
    if seed % 2:
        assert "moved aside" in slipway.log.read_text()
        assert list(site.glob("site.db.damaged-*"))


@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_database_is_refused_with_the_way_out(slipway, seed):
    slipway.cli("push", MODELS / "linear_a.onnx", "linear:a")
    slipway.stop()
    path = slipway.data / "slipway.db"
    content = whole_file(path)
    random = Random(seed)
    for at in range(4096, len(content), 4096):
        content[at:at + 128] = random.randbytes(128)
    path.write_bytes(content)
    done = subprocess.run(slipway.command(), text=True, capture_output=True, timeout=30,
                          check=False)
    assert done.returncode != 0, done.stderr
    assert "slipway.db" in done.stderr and "restore the data folder from a backup" in done.stderr
    assert path.read_bytes() == content, "what can be saved of it is left alone"


def test_the_data_plane_knows_the_roles_of_a_service_that_wants_tokens(slipway):
    slipway.cli("push", MODELS / "linear_a.onnx", "linear:a")
    slipway.cli("apply", "-f", "-", stdin="""{apiVersion: slipway/v1, kind: Service,
        metadata: {name: f}, spec: {access: token, predictor: {model: "linear:a"}}}""")
    slipway.cli("apply", "-f", "-",
                stdin="{apiVersion: slipway/v1, kind: Project, metadata: {name: other}}")

    def secret(name, *options):
        return slipway.cli("token", "create", name, *options).stdout.strip()

    default = ("--project", "default", "--role")
    allowed = {role: secret(f"a-{role}", *default, role) for role in ("viewer", "editor", "admin")}
    allowed["key"] = secret("key", "--service", "f")
    refused = {"foreigner": secret("foreigner", "--project", "other", "--role", "admin"),
               "other key": secret("other-key", "--service", "g")}
    body = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
    asks = [("GET", "", None), ("GET", "/ready", None), ("POST", "/infer", body)]

    def statuses(token):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return [requests.request(method, f"{slipway.inference_url}/v2/models/f{path}", json=sent,
                                 headers=headers, timeout=10).status_code
                for method, path, sent in asks]

    wait_until(lambda: statuses(allowed["key"]) == [200] * 3, "the key opens the service")
    for name, token in allowed.items():
        wait_until(lambda token=token: statuses(token) == [200] * 3, f"{name} may infer")
    assert statuses(None) == [401] * 3
    for name, token in refused.items():
        assert set(statuses(token)) <= {401, 403}, name
