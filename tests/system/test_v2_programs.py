"""Programs that are not ours and speak V2: served, upgraded, misbehaving, ended."""

import json
import os
import pathlib
import shutil
import signal
import sys

import pytest
import requests

import programs
from programs import wait_until
from test_isolation import Callers, ask, revision, worker_of

SERVER = programs.ROOT / "tests/fixtures/programs/v2_server.py"
SERVICES = "/api/v1/projects/default/services"
START = ["python3", "-u", "{program}/v2_server.py"]


def push_scale(centre, version, factor):
    folder = centre.folder / f"scale-{version}"
    folder.mkdir(exist_ok=True)
    (folder / "factor.json").write_text(json.dumps({"factor": factor}))
    centre.cli("push", folder, f"scale:{version}")


def push_server(centre):
    folder = centre.folder / "server"
    folder.mkdir(exist_ok=True)
    shutil.copy(SERVER, folder)
    centre.cli("push", folder, "server:v1")


@pytest.fixture
def centre(start_centre, monkeypatch):
    """A registry with the program and two versions of its model."""
    monkeypatch.setenv("PATH", str(pathlib.Path(sys.executable).parent), prepend=os.pathsep)
    slipway = start_centre()
    push_server(slipway)
    push_scale(slipway, "v1", 2)
    push_scale(slipway, "v2", 3)
    return slipway


def deploy(centre, *options, name="scaled", check=True):
    words = [f"--command={word}" for word in [*START, "--port={port}", *options]]
    return centre.cli("deploy", "--program", "v2=server:v1", *words, "--model", "scale:v1",
                      "--as", name, check=check)


def send(centre, options, name="odd", model="scale", **program):
    return requests.post(centre.api_url + SERVICES, headers=centre.headers, timeout=10, json={
        "apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"predictor": {
            "models": [{"ref": "scale:v1", "mountAs": model}],
            "program": {"ref": "server:v1", "command": [*START, *options], **program}}}})


def ready_condition(centre, name):
    status = json.loads(centre.cli("get", f"service/{name}", "-o", "json").stdout).get("status", {})
    if status.get("phase") != "Failed":
        return None
    return next(one for one in status["conditions"] if one["type"] == "Ready")


def y_of(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["outputs"][0]["data"]


def child_of(pid):
    """The program, by the number of its worker."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])


def is_gone(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rsplit(")", 1)[1].split()[0] == "Z"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_program_serves(centre, options):
    deploy(centre, *options)
    assert y_of(ask(centre, "scaled")) == [2, 4, 6, 8]
    metadata = requests.get(f"{centre.inference_url}/v2/models/scaled", timeout=10).json()
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]
    assert worker_of(centre, "scaled")["restarts"] == 0
    rows = 100_000
    big = requests.post(f"{centre.inference_url}/v2/models/scaled/infer", timeout=60, json={
        "inputs": [{"name": "x", "shape": [rows, 4], "datatype": "FP32", "data": [1] * 4 * rows}]})
    assert y_of(big) == [2] * 4 * rows


def test_a_new_version_loses_no_request(centre):
    deploy(centre)
    load = Callers(centre, "scaled")
    old = child_of(worker_of(centre, "scaled")["pid"])
    for number in range(3):
        centre.cli("upgrade", "scaled", "--model", f"scale:v{2 - number % 2}=scale")
    assert set(load.finish()) == {200}
    assert y_of(ask(centre, "scaled")) == [3, 6, 9, 12]
    wait_until(lambda: is_gone(old), "the end of the first program")


def test_what_it_says_comes_to_the_caller(centre):
    deploy(centre)
    refused = ask(centre, "scaled", first=15)
    assert (refused.status_code, refused.json()["error"]) == (400, "fifteen is not for me")
    for first, words in ((16, "status 500: no JSON at all"), (17, "gave an answer that is none"),
                         (18, "has the shape [1,4,1], its metadata says [-1,4]"),
                         (19, "has 12 bytes, its shape [1,4] takes 16")):
        failed = ask(centre, "scaled", first=first)
        assert failed.status_code == 500 and words in failed.json()["error"], failed.text
    assert y_of(ask(centre, "scaled")) == [2, 4, 6, 8]
    assert worker_of(centre, "scaled")["restarts"] == 0


def test_a_program_that_crashes_is_started_again(centre):
    deploy(centre)
    down = ask(centre, "scaled", first=13)
    assert down.status_code == 503 and down.headers["Retry-After"] == "1"
    wait_until(lambda: ask(centre, "scaled").status_code == 200, "the next program")
    wait_until(lambda: worker_of(centre, "scaled")["restarts"] == 1, "the word of it")
    assert worker_of(centre, "scaled")["lastEnd"] == "was killed by signal 6 (Aborted)"


def test_a_request_without_an_answer_ends_in_time(centre):
    deploy(centre)
    late = requests.post(
        f"{centre.inference_url}/v2/models/scaled/infer", timeout=30,
        json={"parameters": {"timeout": 500_000},
              "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32",
                          "data": [14, 0, 0, 0]}]})
    assert (late.status_code, late.json()["error"]) == (503, "Request timeout expired")
    assert y_of(ask(centre, "scaled")) == [2, 4, 6, 8]
    assert worker_of(centre, "scaled")["restarts"] == 0, "it lives, and says so"


@pytest.mark.parametrize("options, program, model, reason, words", [
    (["--exit=3"], {}, "scale", "PROGRAM_ENDED", "exited with code 3 before it was ready"),
    (["--sleep=60"], {"startTimeout": "1s"}, "scale", "PROGRAM_NOT_READY", "after 1000 ms"),
    (["--name=other"], {}, "scale", "PROGRAM_MODEL_UNKNOWN", "no model of the names scale"),
    (["--datatype=FLOAT"], {}, "scale", "PROGRAM_METADATA", "inputs[0].datatype is 'FLOAT'"),
    ([], {"command": ["{program}/none"]}, "scale", "PROGRAM_MISSING", "No such file"),
    (["{repository}"], {}, "scale", "PROGRAM_REPOSITORY", "no file that Triton runs"),
])
def test_a_start_that_fails_says_why(centre, options, program, model, reason, words):
    assert send(centre, options, model=model, **program).status_code == 201
    wait_until(lambda: ready_condition(centre, "odd"), "the word of the site")
    ready = ready_condition(centre, "odd")
    assert ready["reason"] == reason and words in ready["message"], ready


def test_a_slow_start_is_waited_for(centre):
    deploy(centre, "--sleep=3")
    assert y_of(ask(centre, "scaled")) == [2, 4, 6, 8]


@pytest.mark.parametrize("victim", ["program", "worker", "serve"])
def test_nobody_is_left_behind(centre, victim):
    deploy(centre, "--child")
    worker = worker_of(centre, "scaled")["pid"]
    program = child_of(worker)
    grandchild = child_of(program)
    # One that left the session and whose parent is gone.
    escaped = wait_until(lambda: [pid for pid, command in centre.family().items()
                                  if command.startswith("/bin/sleep 3601")], "its daemon")
    site = json.loads(centre.cli("get", "site", "local", "-o", "json").stdout)
    os.kill({"program": program, "worker": worker, "serve": site["status"]["pid"]}[victim],
            signal.SIGKILL)
    for pid in (worker, program, grandchild, *escaped):
        wait_until(lambda pid=pid: is_gone(pid), f"the end of {pid}")

    def answers():
        try:
            return ask(centre, "scaled").status_code == 200
        except requests.ConnectionError:
            return False

    wait_until(answers, "the next one")
    assert y_of(ask(centre, "scaled")) == [2, 4, 6, 8]


def test_a_program_that_is_replaced_leaves_nobody(centre):
    deploy(centre, "--child")
    old = set(centre.family())
    centre.cli("upgrade", "scaled", "--model", "scale:v2=scale")
    wait_until(lambda: sum("/bin/sleep 3601" in one for one in centre.family().values()) == 1,
               "the end of the first daemon")
    assert y_of(ask(centre, "scaled")) == [3, 6, 9, 12]
    assert [pid for pid, one in centre.family().items()
            if "/bin/sleep" in one and pid in old] == []


def test_it_gets_no_secret_of_the_environment(start_centre, monkeypatch):
    monkeypatch.setenv("PATH", str(pathlib.Path(sys.executable).parent), prepend=os.pathsep)
    secrets = {"OTEL_EXPORTER_OTLP_HEADERS": "key=mine", "AWS_SECRET_ACCESS_KEY": "mine",
               "DATABASE_URL": "postgres://me:mine@db/x", "MY_TOKEN": "given",
               "PLAIN": "given", "SLIPWAY_PROGRAM_ENVIRONMENT": "OTHER:MY_TOKEN"}
    centre = start_centre(environment=secrets)
    push_server(centre)
    push_scale(centre, "v1", 2)
    deploy(centre)
    program = child_of(worker_of(centre, "scaled")["pid"])
    text = pathlib.Path(f"/proc/{program}/environ").read_bytes().decode()
    variables = dict(one.split("=", 1) for one in text.split("\0") if one)
    assert "mine" not in text
    assert variables["MY_TOKEN"] == variables["PLAIN"] == "given"
    assert variables["SLIPWAY_MODELS"] and variables["PATH"]


def test_it_reaches_its_own_alone(centre, tmp_path):
    (tmp_path / "secret").write_text("secret")
    port = centre.api_url.rsplit(":", 1)[1]
    deploy(centre, f"--look={tmp_path / 'secret'}", f"--other-port={port}")
    log = "\n".join(path.read_text() for path in centre.folder.rglob("serve.log"))
    line = next(line for line in log.splitlines() if line.startswith("reaches "))
    assert json.loads(line.removeprefix("reaches ")) == [
        "done", "done", "PermissionError", "PermissionError", "PermissionError"]


TRITON = programs.CACHE / "tritonserver" / "2.51"
TRITON_BIN = TRITON / "pytriton" / "tritonserver" / "bin"
PEERS = programs.ROOT / "build" / "venv-peers"
# It gives back the tensor that it is given: tensors that a model makes are empty where the backend
# was built with a numpy before 2 and finds a later one.
MODEL = '''
import os
import sys
sys.path[:0] = os.environ["PEER_SITE"].split(":")  # the backend has a Python of its own
import triton_python_backend_utils as backend


class TritonPythonModel:
    def execute(self, requests):
        return [backend.InferenceResponse([backend.get_input_tensor_by_name(one, "x")])
                for one in requests]
'''
COMPLETE = '''
    @staticmethod
    def auto_complete_config(config):
        config.add_input({"name": "x", "data_type": "TYPE_FP32", "dims": [-1, 4]})
        config.add_output({"name": "x", "data_type": "TYPE_FP32", "dims": [-1, 4]})
        config.set_max_batch_size(0)
        return config
'''
CONFIG = '''
name: "scale"
backend: "python"
input [{ name: "x" data_type: TYPE_FP32 dims: [-1, -1] }]
output [{ name: "x" data_type: TYPE_FP32 dims: [-1, -1] }]
'''
# Beside MODEL, which says nothing itself.
STATED = """
title: The same again
signature:
  inputs: [{name: x, dtype: float32, shape: [-1, 4]}]
  outputs: [{name: x, dtype: float32, shape: [-1, 4]}]
"""


@pytest.fixture
def triton(monkeypatch):
    """The options of a tritonserver, which the data plane finds in its path and lets read."""
    if not (TRITON_BIN / "tritonserver").exists() or not PEERS.exists():
        pytest.skip("make peers brings tritonserver")
    site = next(PEERS.resolve().glob("lib/python3*/site-packages"))
    monkeypatch.setenv("PATH", str(TRITON_BIN), prepend=os.pathsep)
    monkeypatch.setenv("PEER_SITE", str(site))
    # The backend's Python looks for its library where it finds a python3.
    python = pathlib.Path(shutil.which("python3")).resolve().parents[1]
    monkeypatch.setenv("SLIPWAY_PROGRAM_FOLDERS", f"{TRITON}:{site}:{python}:{sys.base_prefix}")
    backends = TRITON / "pytriton" / "tritonserver" / "backends"
    return ["tritonserver", "--model-repository={repository}", f"--backend-directory={backends}",
            "--http-port={port}", "--http-address=127.0.0.1", "--allow-grpc=false",
            "--allow-metrics=false"]


def push_triton_model(centre, version, files):
    folder = centre.folder / f"triton-{version}"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    centre.cli("push", folder, f"same:{version}")


def metadata_of(centre):
    return requests.get(f"{centre.inference_url}/v2/models/faces", timeout=10).json()


def test_an_external_triton_serves_models_of_the_registry(start_centre, triton):
    """A file that is laid out for it, then a package that is laid out already."""
    centre = start_centre()
    push_server(centre)
    push_triton_model(centre, "v1", {"model.py": MODEL + COMPLETE})
    push_triton_model(centre, "v2", {"1/model.py": MODEL, "config.pbtxt": CONFIG})
    words = [f"--command={word}" for word in triton]
    centre.cli("deploy", "--program", "v2=server:v1", *words, "--model", "same:v1=scale",
               "--as", "faces")
    assert y_of(ask(centre, "faces")) == [1, 2, 3, 4]
    assert metadata_of(centre)["platform"] == "python"
    assert metadata_of(centre)["inputs"][0]["shape"] == [-1, 4]
    wrong = requests.post(f"{centre.inference_url}/v2/models/faces/infer", timeout=10, json={
        "inputs": [{"name": "x", "shape": [1, 5], "datatype": "FP32", "data": [0] * 5}]})
    assert wrong.status_code == 400, wrong.text
    load = Callers(centre, "faces")
    centre.cli("upgrade", "faces", "--model", "same:v2=scale")
    assert set(load.finish()) == {200}
    assert y_of(ask(centre, "faces")) == [1, 2, 3, 4]
    assert metadata_of(centre)["inputs"][0]["shape"] == [-1, -1]


@pytest.mark.parametrize("batch", [0, 8])
def test_an_external_triton_is_told_what_the_model_yaml_states(start_centre, triton, batch):
    centre = start_centre()
    push_server(centre)
    stated = STATED + f"extensions: {{triton: {{maxBatchSize: {batch}}}}}\n"
    push_triton_model(centre, "v1", {"model.py": MODEL, "model.yaml": stated})
    words = [f"--command={word}" for word in [*triton, "--disable-auto-complete-config"]]
    centre.cli("deploy", "--program", "v2=server:v1", *words, "--model", "same:v1=scale",
               "--as", "faces")
    assert y_of(ask(centre, "faces")) == [1, 2, 3, 4]
    tensor = {"name": "x", "datatype": "FP32", "shape": [-1, 4]}
    assert (metadata_of(centre)["inputs"], metadata_of(centre)["outputs"]) == ([tensor], [tensor])
    rows = requests.post(f"{centre.inference_url}/v2/models/faces/infer", timeout=10, json={
        "inputs": [{"name": "x", "shape": [9, 4], "datatype": "FP32", "data": [1] * 36}]})
    assert rows.status_code == (400 if batch else 200), rows.text
