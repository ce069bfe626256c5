"""Services of a program and the models that it is given: served, upgraded, protected, and wrong."""

import json
import sys
import threading

import pytest
import requests

import programs
from programs import wait_until
from test_isolation import Callers, revision, worker_of
from test_python_models import infer, outputs_of

MODELS = programs.ROOT / "tests/fixtures/models"
SERVICES = "/api/v1/projects/default/services"

# Runs two networks of one layer with numpy, and tells what it has read.
PREDICTOR = '''
import pathlib
import numpy
import onnx

INPUTS = [("x", "FP32", [-1, 4])]
OUTPUTS = [("first", "FP32", [-1, -1]), ("second", "FP32", [-1, -1]), ("code", "BYTES", [1])]


def weights(folder):
    path, = pathlib.Path(folder).glob("*.onnx")
    graph = onnx.load(path).graph
    return [onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer]


def load(folder, models):
    assert sorted(models) == ["first", "second"], models
    return {name: weights(path) for name, path in models.items()}


def predict(models, inputs):
    outputs = {name: inputs["x"] @ matrix + bias for name, (matrix, bias) in models.items()}
    return {**outputs, "code": [CODE]}


CODE = "%s"
'''


@pytest.fixture(autouse=True)
def interpreter(monkeypatch):
    """The one with numpy and onnx."""
    monkeypatch.setenv("SLIPWAY_PYTHON", sys.executable)


def push_code(centre, name, text):
    folder = centre.folder / name.replace(":", "-")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "predictor.py").write_text(text)
    centre.cli("push", folder, name)


def push_model(centre, name, file):
    centre.cli("push", MODELS / file, name)


def digest_of(centre, name):
    return json.loads(centre.cli("inspect", name, "-o", "json").stdout)["digest"]


def service(centre, name="gate"):
    return json.loads(centre.cli("get", f"service/{name}", "-o", "json").stdout)


def ask(centre, name="gate"):
    return outputs_of(infer(centre, name, [[1, 2, 3, 4]]))


def expected(centre, *names):
    """What the same models answer as services of their own."""
    return [ask(centre, name)["y"] for name in names]


@pytest.fixture
def centre(start_centre, interpreter):
    """A service of a program with two models, which are served by an engine too."""
    slipway = start_centre()
    push_code(slipway, "code:v1", PREDICTOR % "one")
    push_code(slipway, "code:v2", PREDICTOR % "two")
    push_model(slipway, "left:v1", "linear_a.onnx")
    push_model(slipway, "right:v1", "linear_b.onnx")
    push_model(slipway, "right:v2", "linear_a.onnx")
    slipway.cli("deploy", "left:v1", "--as", "a")
    slipway.cli("deploy", "right:v1", "--as", "b")
    slipway.cli("deploy", "--program", "python=code:v1", "--model", "left:v1=first",
                "--model", "right:v1=second", "--as", "gate")
    return slipway


def test_a_program_reads_its_models(centre):
    a, b = expected(centre, "a", "b")
    assert a != b
    assert ask(centre) == {"first": pytest.approx(a), "second": pytest.approx(b), "code": ["one"]}
    assert worker_of(centre, "gate")["restarts"] == 0
    spec = revision(centre, "gate")["spec"]
    assert [(mount["mountAs"], mount["manifestDigest"]) for mount in spec["mounts"]] == [
        ("first", digest_of(centre, "left:v1")), ("second", digest_of(centre, "right:v1"))]
    assert spec["program"]["manifestDigest"] == digest_of(centre, "code:v1")
    described = centre.cli("describe", "gate").stdout
    assert "mountAs: second" in described and "python: default/code:v1@sha256:" in described
    table = centre.cli("services").stdout
    assert f"default/code:v1@{digest_of(centre, 'code:v1')[:19]} with first, second" in table
    assert "mountAs" in centre.cli("explain", "service.spec.predictor.models").stdout


def test_a_new_version_of_one_model_loses_no_request(centre):
    a, b = expected(centre, "a", "b")
    load = Callers(centre, "gate")
    for number in range(4):
        centre.cli("upgrade", "gate", "--model", f"right:v{2 - number % 2}=second")
    centre.cli("upgrade", "gate", "--program", "python=code:v2")
    assert set(load.finish()) == {200}
    assert ask(centre) == {"first": pytest.approx(a), "second": pytest.approx(b), "code": ["two"]}
    centre.cli("upgrade", "gate", "--model", "right:v2=second")
    assert ask(centre)["second"] == pytest.approx(a)
    assert revision(centre, "gate", 7)["status"]["phase"] == "Ready"
    assert worker_of(centre, "gate", 7)["restarts"] == 0
    back = centre.cli("rollback", "gate")
    assert f"second=default/right:v1@{digest_of(centre, 'right:v1')}" in back.stdout
    assert ask(centre)["second"] == pytest.approx(b)


def test_an_engine_and_a_program_take_turns(centre):
    a, b = expected(centre, "a", "b")
    load = Callers(centre, "a")
    centre.cli("deploy", "--program", "python=code:v1", "--model", "left:v1=first", "--model",
               "right:v1=second", "--as", "a")
    assert set(load.finish()) == {200}
    assert ask(centre, "a")["second"] == pytest.approx(b)
    assert "model" not in service(centre, "a")["spec"]["predictor"]
    centre.cli("rollback", "a")
    assert ask(centre, "a") == {"y": a}
    assert "program" not in service(centre, "a")["spec"]["predictor"]
    # Where the model stays, the program has it as `model`.
    push_code(centre, "names:v1", 'INPUTS = [("x", "FP32", [-1, 4])]\n'
              'OUTPUTS = [("names", "BYTES", [-1])]\n'
              "def load(folder, models): return sorted(models)\n"
              'def predict(names, inputs): return {"names": names}\n')
    centre.cli("upgrade", "a", "--program", "python=names:v1", "--model", "right:v1")
    assert ask(centre, "a")["names"] == ["model", "right"]


def test_a_version_that_does_not_load_never_answers(centre):
    before = ask(centre)
    load = Callers(centre, "gate")
    push_code(centre, "code:bad", "def load(folder, models): raise ValueError('no such layer')\n"
                                  "def predict(model, inputs): pass\n")
    refused = centre.cli("upgrade", "gate", "--program", "python=code:bad", check=False)
    assert refused.returncode != 0
    assert "no such layer" in refused.stderr and "revision 1 still answers" in refused.stderr
    assert set(load.finish()) == {200}
    assert ask(centre) == before


def test_everything_comes_back_after_a_restart(centre):
    before = ask(centre)
    pid = worker_of(centre, "gate")["pid"]
    centre.kill()
    assert ask(centre) == before, "the data plane goes on alone"
    centre.start()
    wait_until(lambda: service(centre)["status"]["phase"] == "Ready", "the service")
    assert worker_of(centre, "gate")["pid"] == pid and ask(centre) == before
    centre.stop()
    centre.start()
    wait_until(lambda: service(centre)["status"]["phase"] == "Ready", "the service")
    wait_until(lambda: infer(centre, "gate", [[1, 2, 3, 4]]).status_code == 200, "an answer")
    assert ask(centre) == before
    centre.cli("upgrade", "gate", "--model", "right:v2=second")
    assert ask(centre)["second"] == pytest.approx(before["first"])


def test_what_a_program_is_made_of_cannot_be_deleted(centre):
    centre.cli("delete", "a")
    centre.cli("delete", "b")
    for name, repository in (("left:v1", "left"), ("right:v1", "right"), ("code:v1", "code")):
        url = f"{centre.api_url}/v2/default/{repository}/manifests/{digest_of(centre, name)}"
        refused = requests.delete(url, headers=centre.headers, timeout=10)
        assert refused.status_code >= 400, name
        assert "gate" in refused.text, refused.text
    unused = f"{centre.api_url}/v2/default/right/manifests/{digest_of(centre, 'right:v2')}"
    assert requests.delete(unused, headers=centre.headers, timeout=10).status_code == 202
    whole = centre.cli("delete", "model/right", check=False)
    assert whole.returncode != 0 and "gate" in whole.stderr, whole.stderr
    lineage = centre.cli("model", "lineage", "right:v1", "-o", "json").stdout
    assert [use["service"] for use in json.loads(lineage)["services"]] == ["gate"]
    centre.cli("delete", "gate")
    url = f"{centre.api_url}/v2/default/right/manifests/{digest_of(centre, 'right:v1')}"
    wait_until(lambda: requests.delete(url, headers=centre.headers, timeout=10).status_code == 202,
               "the model is free")


def test_a_tag_of_any_of_its_packages_that_moves_makes_a_revision(centre):
    spec = service(centre)["spec"]
    spec["follow"] = True
    centre.cli("apply", "-f", "-", stdin=json.dumps({
        "apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": "gate"}, "spec": spec}))
    push_model(centre, "right:v1", "linear_a.onnx")
    wait_until(lambda: service(centre)["status"]["readyRevision"] == 2, "the model that moved")
    assert ask(centre)["second"] == pytest.approx(ask(centre)["first"])
    push_code(centre, "code:v1", PREDICTOR % "moved")
    wait_until(lambda: service(centre)["status"]["readyRevision"] == 3, "the code that moved")
    assert ask(centre)["code"] == ["moved"]


def test_only_its_models_can_be_read(centre, tmp_path):
    (tmp_path / "secret").write_text("secret")
    push_code(centre, "spy:v1", f'''
import os, pathlib
INPUTS = [("x", "FP32", [-1, 4])]
OUTPUTS = [("seen", "BYTES", [-1])]

def attempt(what):
    try:
        what()
        return "done"
    except OSError as error:
        return type(error).__name__

def load(folder, models):
    return models["first"]

def predict(first, inputs):
    file = next(pathlib.Path(first).iterdir())
    return {{"seen": [attempt(lambda: file.read_bytes()),
                     attempt(lambda: (pathlib.Path(first) / "new").write_text("x")),
                     attempt(lambda: open(file, "r+b")),
                     attempt(lambda: file.unlink()),
                     attempt(lambda: os.listdir(pathlib.Path(first).parent)),
                     attempt(lambda: open({str(tmp_path / "secret")!r}).read())]}}
''')
    centre.cli("deploy", "--program", "python=spy:v1", "--model", "left:v1=first")
    assert ask(centre, "spy")["seen"] == ["done"] + ["PermissionError"] * 5


def send(centre, predictor, name="wrong"):
    return requests.post(centre.api_url + SERVICES, headers=centre.headers, timeout=10, json={
        "apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"predictor": predictor}})


MOUNT = {"ref": "left:v1", "mountAs": "first"}
CODE = {"python": "code:v1"}


@pytest.mark.parametrize("predictor, field, reason", [
    ({"models": [{**MOUNT, "ref": "left:none"}], "program": CODE}, "models[0].ref",
     "MODEL_UNKNOWN"),
    ({"models": [MOUNT, {**MOUNT, "ref": "nobody:v1", "mountAs": "b"}], "program": CODE},
     "models[1].ref", "MODEL_UNKNOWN"),
    ({"models": [MOUNT, MOUNT], "program": CODE}, "models[1].mountAs", "FIELD_RANGE"),
    ({"models": [MOUNT], "program": {"python": "left:v1"}}, "program.python", "PROGRAM_INVALID"),
    ({"models": [MOUNT], "program": {"python": "none:v1"}}, "program.python", "MODEL_UNKNOWN"),
    ({"models": [MOUNT], "program": {"python": "x.example/code:v1"}}, "program.python",
     "MODEL_ELSEWHERE"),
    ({"program": CODE}, "models", "FIELD_REQUIRED"),
    ({"models": [MOUNT]}, "models", "FIELD_RANGE"),
    ({"models": [MOUNT], "program": {**CODE, "command": ["x"], "ref": "code:v1"}}, "program",
     "FIELD_RANGE"),
    ({"models": [MOUNT], "program": {}}, "program", "FIELD_REQUIRED"),
    ({"models": [{**MOUNT, "mountAs": "../up"}], "program": CODE}, "models[0].mountAs",
     "FIELD_FORMAT"),
])
def test_what_cannot_be_is_refused_by_its_field(centre, predictor, field, reason):
    refused = send(centre, predictor)
    assert 400 <= refused.status_code < 500
    assert (refused.json()["field"], refused.json()["reason"]) == (
        f"spec.predictor.{field}", reason), refused.text
    assert centre.cli("get", "service/wrong", check=False).returncode != 0


@pytest.mark.parametrize("program, reason, words", [
    ({"image": "images.example/serve:1"}, "IMAGE_NOT_STARTED", "no driver that starts images"),
])
def test_what_nothing_starts_is_accepted_and_the_status_says_so(centre, program, reason, words):
    made = send(centre, {"models": [MOUNT], "program": program}, "boxed")
    assert made.status_code == 201, made.text
    wait_until(lambda: service(centre, "boxed").get("status", {}).get("phase") == "Failed",
               "the word of the site")
    ready, = [one for one in service(centre, "boxed")["status"]["conditions"]
              if one["type"] == "Ready"]
    assert ready["reason"] == reason
    assert words in ready["message"]
    assert ask(centre)["code"] == ["one"]


@pytest.mark.parametrize("text, words", [
    ("def load(folder): pass", "has no load(folder, models)"),
    ("", "has no load(folder, models)"),
    ("def load(folder, models): return models['third']", "KeyError: 'third'"),
    ("def load(folder, models):\n    import os\n    os.abort()", "was killed by signal 6"),
])
def test_code_that_does_not_take_its_models_says_so(centre, text, words):
    head = "INPUTS = []\nOUTPUTS = []\ndef predict(model, inputs): return {}\n"
    push_code(centre, "odd:v1", head + text + "\n")
    refused = centre.cli("deploy", "--program", "python=odd:v1", "--model", "left:v1", check=False)
    assert refused.returncode != 0
    assert words in refused.stderr, refused.stderr


@pytest.mark.parametrize("arguments, words", [
    (["deploy"], "say what to serve"),
    (["deploy", "--program", "python"], "KIND=NAME:TAG"),
    (["deploy", "--program", "perl=code:v1"], "python, v2 or http"),
    (["deploy", "--program", "python=code:none", "--model", "left:v1"], "no model"),
    (["deploy", "--program", "python=code:v1"], "spec.predictor.models"),
    (["deploy", "--program", "python=code:v1", "--model", "left:v1=a", "--model", "right:v1=a"],
     "models[1].mountAs"),
    (["deploy", "--program", "python=code:v1", "--command", "x"], "--command is of v2 and http"),
    (["deploy", "left:v1", "--command", "x"], "--command belongs to"),
    (["upgrade", "gate"], "say what changes"),
])
def test_mistakes_on_the_command_line(centre, arguments, words):
    refused = centre.cli(*arguments, check=False)
    assert refused.returncode != 0
    assert words in refused.stderr, refused.stderr
