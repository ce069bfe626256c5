"""Models that are Python code: loaded, asked, confined, replaced, and wrong."""

import concurrent.futures
import json
import pathlib
import sys

import numpy
import pytest
import requests
import tritonclient.http as triton

import programs
from test_isolation import Callers, worker_of

PREDICTOR = '''
import pathlib
import numpy

INPUTS = [("x", "FP32", [-1, 4])]
OUTPUTS = [("sum", "FP32", [-1]), ("label", "BYTES", [-1])]


def load(folder):
    return float((pathlib.Path(folder) / "factor.txt").read_text())


def predict(factor, inputs):
    x = inputs["x"]
    if x[0, 0] == 13:
        raise ValueError("thirteen is no number to ask for")
    if x[0, 0] == 14:
        import os
        os.abort()
    return {"sum": x.sum(axis=1) * factor, "label": ["big" if row.sum() > 10 else "" for row in x]}
'''


@pytest.fixture(autouse=True)
def interpreter(monkeypatch):
    """The one with numpy, which is not everybody's python3."""
    monkeypatch.setenv("SLIPWAY_PYTHON", sys.executable)


def write_model(folder, predictor=PREDICTOR, factor=1):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "predictor.py").write_text(predictor)
    (folder / "factor.txt").write_text(str(factor))
    return folder


def infer(program, model, rows, name="x"):
    body = {"inputs": [{"name": name, "shape": [len(rows), len(rows[0])], "datatype": "FP32",
                        "data": rows}]}
    return requests.post(f"{program.inference_url}/v2/models/{model}/infer", json=body, timeout=60)


def outputs_of(answer):
    assert answer.status_code == 200, answer.text
    return {output["name"]: output["data"] for output in answer.json()["outputs"]}


@pytest.fixture
def centre(start_centre, interpreter, tmp_path):
    slipway = start_centre()
    for factor in (1, 2):
        slipway.cli("push", write_model(tmp_path / f"m{factor}", factor=factor), f"sums:v{factor}")
    slipway.cli("deploy", "sums:v1")
    return slipway


def test_a_python_model_is_served(centre):
    assert outputs_of(infer(centre, "sums", [[1, 2, 3, 4], [1, 1, 1, 1], [4, 4, 4, 4]])) == {
        "sum": [10, 4, 16], "label": ["", "", "big"]}
    assert worker_of(centre, "sums")["restarts"] == 0
    client = triton.InferenceServerClient(centre.inference_url.removeprefix("http://"))
    assert client.get_model_metadata("sums")["platform"] == "python"
    many = numpy.random.default_rng(1).random((100_000, 4), numpy.float32)
    row = triton.InferInput("x", many.shape, "FP32")
    row.set_data_from_numpy(many)
    answer = client.infer("sums", [row])
    assert numpy.array_equal(answer.as_numpy("sum"), many.sum(axis=1))
    assert answer.as_numpy("label").tolist() == [b""] * 100_000


def test_an_exception_is_told_by_its_last_line_and_logged_whole(centre):
    answer = infer(centre, "sums", [[13, 0, 0, 0]])
    assert answer.status_code == 500
    assert answer.json() == {"error": "ValueError: thirteen is no number to ask for"}
    log = "".join(path.read_text() for path in centre.data.glob("sites/*/logs/serve.log"))
    assert "Traceback (most recent call last)" in log and "predictor.py" in log
    assert outputs_of(infer(centre, "sums", [[1, 2, 3, 4]]))["sum"] == [10]
    assert worker_of(centre, "sums")["restarts"] == 0


def test_a_crash_is_a_503_and_the_worker_comes_back(centre):
    assert infer(centre, "sums", [[14, 0, 0, 0]]).status_code == 503
    programs.wait_until(lambda: infer(centre, "sums", [[1, 2, 3, 4]]).status_code == 200,
                        "the next worker")
    programs.wait_until(lambda: worker_of(centre, "sums")["restarts"] == 1, "the status")


SLOW = '''
import os
import time

INPUTS = [("x", "FP32", [-1, 4])]
OUTPUTS = [("pid", "INT64", [1])]


def predict(model, inputs):
    if inputs["x"][0, 0] == 14:
        os.abort()
    time.sleep(0.2)
    return {"pid": [os.getpid()]}
'''


def test_instances_are_processes_which_come_and_go(start_centre, interpreter, tmp_path):
    slipway = start_centre()
    slipway.cli("push", write_model(tmp_path / "slow", SLOW), "slow:v1")
    slipway.cli("deploy", "slow:v1", "--instances", "3")

    def pids(clients=3):
        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            answers = list(pool.map(lambda _: infer(slipway, "slow", [[1, 2, 3, 4]]),
                                    range(clients)))
        return {outputs_of(answer)["pid"][0] for answer in answers}

    programs.wait_until(lambda: len(pids()) == 3, "a process for each of three requests")
    programs.wait_until(lambda: worker_of(slipway, "slow")["processes"] == 3, "the status")
    # One crashes: the others go on, and it comes back.
    assert infer(slipway, "slow", [[14, 0, 0, 0]]).status_code == 503
    for _ in range(5):
        pids(2)
    programs.wait_until(lambda: len(pids()) == 3, "three processes again")
    assert worker_of(slipway, "slow")["restarts"] == 1
    # Down to one: those that are too many end.
    service = {"apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": "slow"},
               "spec": {"predictor": {"model": "slow:v1", "instances": 3},
                        "scaling": {"minInstances": 1, "maxInstances": 1, "metric": "concurrency",
                                    "target": 1, "downWindow": "0s"}}}
    document = tmp_path / "service.json"
    document.write_text(json.dumps(service))
    before = pids()
    slipway.cli("apply", "-f", document)
    programs.wait_until(lambda: worker_of(slipway, "slow")["processes"] == 1, "one process")
    left = pids()
    assert len(left) == 1 and left <= before
    for pid in before - left:
        programs.wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "its end")


def test_a_new_version_loses_no_request(centre):
    load = Callers(centre, "sums")
    for number in range(4):
        centre.cli("upgrade", "sums", f"sums:v{2 - number % 2}")
    assert set(load.finish()) == {200}
    centre.cli("upgrade", "sums", "sums:v2")
    assert outputs_of(infer(centre, "sums", [[1, 2, 3, 4]]))["sum"] == [20]


DAEMON = '''
import os
import time

INPUTS = [("x", "FP32", [-1])]
OUTPUTS = [("daemon", "INT64", [1])]


def load(folder):
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write, str(os.getpid()).encode())
            time.sleep(3600)
        os._exit(0)
    os.wait()
    return int(os.read(read, 20))


def predict(model, inputs):
    if inputs["x"][0] == 14:
        os.abort()
    return {"daemon": [model]}
'''


def test_what_it_started_ends_with_it(start_serve, tmp_path):
    folder = tmp_path / "daemon"
    folder.mkdir()
    (folder / "predictor.py").write_text(DAEMON)
    plane = start_serve(folder, "--name", "daemon", environment={"MY_SECRET": "mine"})

    def ask(value):
        return requests.post(f"{plane.inference_url}/v2/models/daemon/infer", timeout=60,
                             json={"inputs": [{"name": "x", "shape": [1], "datatype": "FP32",
                                               "data": [value]}]})

    def is_gone(pid):
        return pid not in plane.family()

    first, = outputs_of(ask(1))["daemon"]
    assert not is_gone(first)
    assert b"mine" not in pathlib.Path(f"/proc/{first}/environ").read_bytes()
    # It ends by itself, and its daemon is in another session.
    assert ask(14).status_code == 503
    programs.wait_until(lambda: is_gone(first), "the end of the daemon")
    programs.wait_until(lambda: ask(1).status_code == 200, "the next worker")
    second, = outputs_of(ask(1))["daemon"]
    plane.stop()
    assert is_gone(second)


SPY = '''
import os
import signal
import socket

INPUTS = [("x", "FP32", [-1])]
OUTPUTS = [("seen", "BYTES", [-1])]


def attempt(what):
    try:
        what()
        return "done"
    except OSError as error:
        return type(error).__name__


def predict(model, inputs):
    secret, port, parent = open(os.path.dirname(__file__) + "/secret.txt").read().split()
    return {"seen": [
        attempt(lambda: open(secret).read()),
        attempt(lambda: open(os.path.dirname(__file__) + "/new.txt", "w")),
        attempt(lambda: open("/tmp/slipway-new.txt", "w")),
        attempt(lambda: socket.create_connection(("127.0.0.1", int(port)))),
        attempt(lambda: os.kill(int(parent), signal.SIGCONT)),
        attempt(lambda: open(f"/proc/{parent}/environ", "rb").read()),
    ]}
'''


def test_the_code_reaches_nothing_but_its_model(start_serve, tmp_path):
    secret = tmp_path / "token"
    secret.write_text("secret")
    folder = tmp_path / "spy"
    folder.mkdir()
    (folder / "predictor.py").write_text(SPY)
    (folder / "secret.txt").write_text(f"{secret} 1 1")
    plane = start_serve(folder, "--name", "spy", "--token-file", secret)
    port = plane.inference_url.rsplit(":", 1)[1]
    (folder / "secret.txt").write_text(f"{secret} {port} {plane.pid}")
    answer = requests.post(f"{plane.inference_url}/v2/models/spy/infer", timeout=60,
                           headers={"Authorization": "Bearer secret"},
                           json={"inputs": [{"name": "x", "shape": [1], "datatype": "FP32",
                                             "data": [1]}]})
    assert outputs_of(answer)["seen"] == ["PermissionError"] * 6


@pytest.mark.parametrize("text, words", [
    ("INPUTS = []", "has no predict"),
    ("import nothing_like_this", "No module named 'nothing_like_this'"),
    ("def predict(:", "SyntaxError"),
    ("INPUTS = [('x', 'FLOAT', [1])]\nOUTPUTS = []\ndef predict(m, i): return {}", "FLOAT"),
    ("import os; os.abort()", "was killed by signal 6"),
])
def test_a_file_that_does_not_load_says_why(centre, tmp_path, text, words):
    centre.cli("push", write_model(tmp_path / "wrong", text), "wrong:v1")
    refused = centre.cli("deploy", "wrong:v1", check=False)
    assert refused.returncode != 0
    assert words in refused.stderr, refused.stderr
    assert outputs_of(infer(centre, "sums", [[1, 2, 3, 4]]))["sum"] == [10]


@pytest.mark.parametrize("text, words", [
    ("return None", "predict() gave a NoneType"),
    ("return {}", "predict() gave no output 'y'"),
    ("return {'y': [[1.0]]}", "output 'y' has the shape [1, 1]"),
    ("return {'y': ['a']}", "Cannot cast"),
    ("import sys; sys.exit(1)", "SystemExit: 1"),
    ("import os; os._exit(1)", "is being started again"),
])
def test_wrong_answers_of_the_code_are_named(start_serve, tmp_path, text, words):
    head = "INPUTS = [('x', 'FP32', [-1, 4])]\nOUTPUTS = [('y', 'FP32', [-1])]\n"
    model = write_model(tmp_path / "m", f"{head}def predict(model, inputs):\n    {text}\n")
    plane = start_serve(model, "--name", "m")
    answer = infer(plane, "m", [[1, 2, 3, 4]])
    assert answer.status_code in (500, 503)
    assert words in answer.json()["error"]


def test_an_interpreter_that_is_not_there_is_named(start_serve, tmp_path, monkeypatch):
    monkeypatch.setenv("SLIPWAY_PYTHON", "/nowhere/python3")
    plane = start_serve(write_model(tmp_path / "m"), "--name", "m", wait=False)
    programs.wait_until(lambda: not pathlib.Path(f"/proc/{plane.pid}").exists()
                        or "/nowhere/python3" in plane.log_tail(), "the end")
    assert "/nowhere/python3" in plane.log_tail()


def test_a_pickle_is_served_by_its_methods(start_serve, tmp_path):
    """A pickle whose class is the standard library's, so that no other package is needed."""
    import pickle
    import types
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(types.SimpleNamespace(predict=numpy.ravel)))
    plane = start_serve(path, "--name", "m")
    body = {"inputs": [{"name": "input", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}
    answer = requests.post(f"{plane.inference_url}/v2/models/m/infer", json=body, timeout=60)
    assert outputs_of(answer) == {"predict": [1.0, 2.0]}
