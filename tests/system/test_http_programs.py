"""Programs that speak HTTP of their own: requests and answers pass as they are."""

import json
import os
import pathlib
import shutil
import socket
import sys
import threading
import time

import pytest
import requests

import programs
from programs import wait_until
from test_isolation import worker_of
from test_v2_programs import SERVICES, child_of, is_gone, push_scale, ready_condition

SERVER = programs.ROOT / "tests/fixtures/programs/http_server.py"
START = ["python3", "-u", "{program}/http_server.py"]


@pytest.fixture
def centre(start_centre, monkeypatch):
    """A registry with the program and two versions of its model."""
    monkeypatch.setenv("PATH", str(pathlib.Path(sys.executable).parent), prepend=os.pathsep)
    slipway = start_centre()
    folder = slipway.folder / "server"
    folder.mkdir(exist_ok=True)
    shutil.copy(SERVER, folder)
    slipway.cli("push", folder, "server:v1")
    push_scale(slipway, "v1", 2)
    push_scale(slipway, "v2", 3)
    return slipway


def deploy(centre, *options):
    words = [f"--command={word}" for word in [*START, *options]]
    centre.cli("deploy", "--program", "http=server:v1", *words, "--model", "scale:v1",
               "--as", "own")


def make(centre, name="own", options=(), spec=None, **program):
    made = requests.post(centre.api_url + SERVICES, headers=centre.headers, timeout=10, json={
        "apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"predictor": {
            "models": [{"ref": "scale:v1", "mountAs": "scale"}],
            "program": {"ref": "server:v1", "protocol": "http", "command": [*START, *options],
                        **program}}, **(spec or {})}})
    assert made.status_code == 201, made.text


def call(centre, path, method="GET", name="own", **options):
    url = f"{centre.inference_url}/services/{name}{path}"
    return requests.request(method, url, timeout=60, **options)


def is_up(centre, **options):
    return call(centre, "/echo", **options).status_code == 200


def test_requests_and_answers_pass_as_they_are(centre):
    deploy(centre)
    seen = call(centre, "/a%2Fb//c/?q=%2F&r", "PUT", data=b"\0\1\2", headers={
        "Content-Type": "image/png", "X-Mine": "yes", "X-Forwarded-For": "192.0.2.1",
        "Connection": "keep-alive, X-Hop", "X-Hop": "1"}).json()
    assert (seen["method"], seen["path"], seen["bytes"]) == ("PUT", "/a%2Fb//c/?q=%2F&r", 3)
    headers = {name.lower(): value for name, value in seen["headers"]}
    assert headers["content-type"] == "image/png" and headers["x-mine"] == "yes"
    assert headers["host"] == centre.inference_url.removeprefix("http://")
    assert headers["x-forwarded-for"] == "192.0.2.1, 127.0.0.1"
    assert headers["x-forwarded-prefix"] == "/services/own"
    assert headers["x-request-id"] and "x-hop" not in headers and "connection" not in headers
    answer = call(centre, "/status", "POST", json={"x": 1})
    assert (answer.status_code, answer.text, answer.headers["X-Kind"]) == (418, "a teapot", "short")
    assert answer.headers["Set-Cookie"] == "a=b" and answer.headers["Content-Type"] == "text/plain"
    for method in ("GET", "POST", "PATCH", "DELETE", "OPTIONS"):
        assert call(centre, "", method).json()["method"] == method
    assert call(centre, "/echo", "HEAD").headers["Content-Length"] != "0"
    nothing = call(centre, "/nothing")
    assert (nothing.status_code, nothing.content) == (204, b"")
    multipart = call(centre, "/twice", "POST", files={"image": ("a.png", b"\x89PNG", "image/png")})
    assert multipart.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert multipart.content.count(b"\x89PNG") == 2


def test_the_v2_routes_tell_the_way(centre):
    deploy(centre)
    model = f"{centre.inference_url}/v2/models/own"
    refused = requests.post(f"{model}/infer", json={"inputs": []}, timeout=10)
    assert refused.status_code == 400 and "/services/own/" in refused.json()["error"]
    metadata = requests.get(model, timeout=10).json()
    assert (metadata["platform"], metadata["inputs"], metadata["outputs"]) == ("http", [], [])
    assert requests.get(f"{model}/ready", timeout=10).status_code == 200
    status = json.loads(centre.cli("get", "service/own", "-o", "json").stdout)["status"]
    assert status["url"] == "/services/own"
    unknown = call(centre, "/echo", name="nobody")
    assert unknown.status_code == 404 and "'nobody' is not found" in unknown.json()["error"]
    centre.cli("push", programs.ROOT / "tests/fixtures/models/linear_a.onnx", "linear:v1")
    centre.cli("deploy", "linear:v1", "--as", "tensors")
    other = call(centre, "/echo", name="tensors")
    assert other.status_code == 404 and "/v2/models/tensors/infer" in other.json()["error"]


def test_large_bodies_go_both_ways(centre):
    deploy(centre)
    body = os.urandom(20 << 20)
    assert call(centre, "/twice", "POST", data=body).content == body * 2
    chunked = call(centre, "/twice", "POST", data=iter([b"a" * 1000, b"b" * 100_000]))
    assert chunked.content == (b"a" * 1000 + b"b" * 100_000) * 2
    refused = call(centre, "/twice", "POST", data=bytes((64 << 20) + 1))
    assert refused.status_code == 413 and "67108864" in refused.json()["error"]


def test_a_stream_comes_as_it_is_written(centre):
    deploy(centre)
    with call(centre, "/stream", stream=True) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        began = time.monotonic()
        pieces = []
        for piece in answer.iter_content(None):
            pieces.append((piece, time.monotonic() - began))
    assert b"".join(piece for piece, _ in pieces) == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert len(pieces) == 3 and pieces[0][1] < pieces[1][1] < pieces[2][1]


def test_a_new_version_loses_no_request(centre):
    deploy(centre)
    old = child_of(worker_of(centre, "own")["pid"])
    stop, seen = threading.Event(), []

    def ask():
        session = requests.Session()
        url = f"{centre.inference_url}/services/own/echo"
        while not stop.is_set():
            answer = session.post(url, data=b"x", timeout=60)
            seen.append((answer.status_code, answer.json().get("factor")))
    callers = [threading.Thread(target=ask) for _ in range(4)]
    for caller in callers:
        caller.start()
    with call(centre, "/stream", stream=True) as answer:
        for number in range(3):
            centre.cli("upgrade", "own", "--model", f"scale:v{2 - number % 2}=scale")
        assert answer.content.count(b"data: ") == 3
    stop.set()
    for caller in callers:
        caller.join()
    assert {status for status, _ in seen} == {200}
    assert {factor for _, factor in seen} == {2, 3} and seen[-1][1] == 3
    wait_until(lambda: is_gone(old), "the end of the first program")


def test_a_program_that_crashes_is_started_again(centre):
    deploy(centre)
    down = call(centre, "/crash")
    assert down.status_code == 503 and down.headers["Retry-After"] == "1", down.text
    wait_until(lambda: is_up(centre), "the next program")
    wait_until(lambda: worker_of(centre, "own")["restarts"] == 1, "the word of it")
    assert worker_of(centre, "own")["lastEnd"] == "was killed by signal 6 (Aborted)"


def test_an_answer_that_is_cut_off_is_seen_to_be(centre):
    deploy(centre)
    with pytest.raises(requests.exceptions.RequestException):
        _ = call(centre, "/cut").content
    assert is_up(centre) and worker_of(centre, "own")["restarts"] == 0


def test_a_request_has_its_time(centre):
    make(centre, spec={"timeout": "1s"}, readyPath="/ping")
    wait_until(lambda: is_up(centre), "the service")
    late = call(centre, "/sleep?30")
    assert late.status_code == 504, late.text
    with pytest.raises(requests.exceptions.RequestException):
        _ = call(centre, "/endless").content
    assert is_up(centre) and worker_of(centre, "own")["restarts"] == 0


def test_a_client_that_leaves_ends_its_request(centre):
    deploy(centre)
    with call(centre, "/endless", stream=True) as answer:
        assert next(answer.iter_content(1000)) == b"x" * 1000
    wait_until(lambda: call(centre, "/gone").json(), "the end of the answer")


def test_a_slow_client_gets_all_and_holds_nobody(centre):
    deploy(centre)
    address = centre.inference_url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1]))) as slow:
        slow.sendall(b"GET /services/own/large HTTP/1.1\r\nHost: localhost\r\n"
                     b"Connection: close\r\n\r\n")
        begin = slow.recv(1000)
        assert begin.startswith(b"HTTP/1.1 200 "), begin
        for _ in range(20):
            assert is_up(centre)
        got = len(begin)
        while data := slow.recv(1 << 20):
            got += len(data)
    assert got >= 32 << 20


def test_a_key_has_its_limits_and_stays_here(centre):
    make(centre, spec={"access": "token"})
    key = centre.cli("token", "create", "ci", "--service", "own", "--rate", 0.001,
                     "--burst", "2").stdout.strip()
    free = centre.cli("token", "create", "free", "--service", "own").stdout.strip()

    def ask(token):
        return call(centre, "/echo", headers={"Authorization": f"Bearer {token}"})
    wait_until(lambda: ask(free).status_code == 200, "the service")
    assert "authorization" not in {name.lower() for name, _ in ask(free).json()["headers"]}
    assert [ask(key).status_code for _ in range(3)] == [200, 200, 429]
    assert call(centre, "/echo").status_code == 401


@pytest.mark.parametrize("options, program, reason, words", [
    (["--exit=3"], {}, "PROGRAM_ENDED", "exited with code 3 before it was ready"),
    ([], {"readyPath": "/status", "startTimeout": "1s"}, "PROGRAM_NOT_READY",
     "/status answered 418"),
])
def test_a_start_that_fails_says_why(centre, options, program, reason, words):
    make(centre, "odd", options, **program)
    wait_until(lambda: ready_condition(centre, "odd"), "the word of the site")
    ready = ready_condition(centre, "odd")
    assert ready["reason"] == reason and words in ready["message"], ready


def test_it_is_ready_when_its_path_says_so(centre):
    make(centre, options=["--ready-after=2"], readyPath="/ping")
    wait_until(lambda: is_up(centre), "the service")
    assert call(centre, "/ping").status_code == 200


def test_it_is_measured(centre):
    deploy(centre)
    for _ in range(3):
        assert is_up(centre)
    call(centre, "/crash")
    metrics = requests.get(centre.metrics_url, timeout=10).text
    lines = [line for line in metrics.splitlines() if 'model="own"' in line]
    assert any(line.startswith("nv_inference_request_success") and line.endswith(" 3")
               for line in lines), lines
