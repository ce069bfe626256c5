"""`slipway top`: what revisions do, as a person and as a program reads it."""

import json
import subprocess
import threading

import pytest
import requests

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
BODY = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}


@pytest.fixture(scope="module")
def centre(slipway_module):
    slipway_module.cli("push", MODELS / "linear_a.onnx", "linear:v1")
    slipway_module.cli("deploy", "linear:v1")
    slipway_module.cli("deploy", "linear:v1", "--as", "idle")
    return slipway_module


@pytest.fixture
def load(centre):
    """Requests until the test is over."""
    ended = threading.Event()

    def send():
        with requests.Session() as session:
            while not ended.is_set():
                session.post(f"{centre.inference_url}/v2/models/linear/infer", json=BODY,
                             timeout=30).raise_for_status()
    thread = threading.Thread(target=send)
    thread.start()
    yield
    ended.set()
    thread.join()


def test_rows_as_json(centre, load):
    rows = json.loads(centre.cli("top", "--once", "-o", "json").stdout)
    by = {row["service"]: row for row in rows}
    assert set(by) == {"linear", "idle"}
    busy, idle = by["linear"], by["idle"]
    assert busy["revision"] == "1" and busy["project"] == "default"
    assert busy["rate"] > 0 and busy["failureRate"] == 0
    assert 0 < busy["p50Ms"] <= busy["p99Ms"]
    assert busy["batch"] == 1 and busy["cpu"] > 0 and busy["memoryBytes"] >= 0
    assert idle["rate"] == 0 and idle["p99Ms"] is None and idle["batch"] is None


def test_table_of_one_service(centre, load):
    done = centre.cli("top", "linear", "--once", "--interval", "500ms")
    head, row = done.stdout.strip().splitlines()
    assert head.split() == ["SERVICE", "REVISION", "RATE", "FAILED", "P50", "P99", "QUEUE", "WAIT",
                            "BATCH", "CPU", "MEMORY"]
    assert row.split()[:2] == ["linear", "1"]
    assert "\x1b" not in done.stdout, "no terminal, no escape sequences"


def test_goes_on_until_it_is_ended(centre):
    command = [str(programs.BINARY), "top", "--interval", "100ms", "-o", "json", "--metrics",
               centre.metrics_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as top:
        for _ in range(3):
            assert len(json.loads(top.stdout.readline())) == 2
        top.kill()


def test_a_data_plane_alone(start_serve):
    serve = start_serve(MODELS / "linear_a.onnx", "--name", "m")
    done = subprocess.run([str(programs.BINARY), "top", "--once", "--interval", "100ms",
                           "--metrics", serve.url("metrics")], text=True, capture_output=True,
                          timeout=60, check=True, env=serve.environment)
    assert done.stdout.splitlines()[1].split()[0] == "m"


@pytest.mark.parametrize("arguments, word", [
    (("--interval", "1ms"), "--interval"),
    (("-o", "name"), "name"),
    (("--metrics", "http://127.0.0.1:1"), "127.0.0.1"),
])
def test_what_cannot_be_is_said(centre, arguments, word):
    done = centre.cli("top", "--once", *arguments, check=False)
    assert done.returncode != 0 and word in done.stderr
