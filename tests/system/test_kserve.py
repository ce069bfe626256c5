"""KServe's own client, over REST and gRPC: what it sends, and that it takes what we answer."""

import json
import pathlib
import shutil
import subprocess

import pytest

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
PYTHON = programs.ROOT / "build/venv-kserve/bin/python"
CLIENT = pathlib.Path(__file__).with_name("kserve_client.py")

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="make peers brings KServe's client")


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kserve")
    for name, file in (("linear", "linear_a.onnx"), ("types", "all_types.onnx")):
        (folder / "models" / name / "1").mkdir(parents=True)
        shutil.copy(MODELS / file, folder / "models" / name / "1" / "model.onnx")
    serve = programs.DataPlane(folder / "serve", f"--model-repository={folder}/models",
                               "--allow-control")
    try:
        yield serve.start()
    finally:
        serve.close()


@pytest.fixture
def call(plane):
    def run(name):
        done = subprocess.run([PYTHON, CLIENT, name, plane.inference_url, plane.grpc_address],
                              capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])
    return run


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_it_sees_what_is_up(call, transport):
    assert call(f"{transport}_health") == {"live": True, "ready": True, "model": True,
                                           "nope": False}


def test_it_infers_over_rest_as_json_and_as_bytes(call):
    answers = call("rest_infer")
    assert answers["json"]["type"] == "application/json"
    assert answers["binary"]["type"] == "application/octet-stream"
    for answer in answers.values():
        assert (answer["id"], answer["model"]) == ("mine", "linear")
        assert answer["y"] == [[2, 3, 4, 5]]


def test_it_infers_over_grpc_typed_and_raw(call):
    for answer in call("grpc_infer").values():
        assert answer == {"id": "mine", "model": "linear", "version": "1", "y": [[2, 3, 4, 5]]}


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_its_tensors_of_all_types_come_back(call, transport):
    assert call(f"{transport}_types") == []


def test_its_errors_are_those_of_the_protocol(call):
    unknown, shape = call("rest_errors")
    assert unknown[0] == 404 and "Request for unknown model: 'nope' is not found" in unknown[1]
    assert shape[0] == 400 and "unexpected shape for input 'x'" in shape[1]
    unknown, shape = call("grpc_errors")
    assert unknown[0] in ("NOT_FOUND", "INVALID_ARGUMENT") and "'nope' is not found" in unknown[1]
    assert shape[0] == "INVALID_ARGUMENT" and "unexpected shape for input 'x'" in shape[1]


def test_its_definition_of_the_protocol_is_served(call):
    told = call("grpc_messages")
    assert told["name"] == "slipway" and "binary_tensor_data" in told["extensions"]
    assert told["inputs"] == [["x", "FP32", [1, 4]]] and told["versions"] == ["1"]
    assert told["unloaded"] and not told["ready"]
    assert told["loaded"] and told["model"] == "linear"
