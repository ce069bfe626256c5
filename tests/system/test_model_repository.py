"""`slipway serve` on a Triton model repository: configurations, versions, load and unload."""

import json
import shutil
import subprocess

import grpc
import numpy
import pytest
import requests
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.grpc import service_pb2

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
ROW = numpy.array([[1, 2, 3, 4]], numpy.float32)
CONFIG = """
name: "versions"
platform: "onnxruntime_onnx"
input [ { name: "x" data_type: TYPE_FP32 dims: [ 1, 4 ] } ]
version_policy { latest { num_versions: 2 } }
instance_group [ { count: 2 kind: KIND_CPU } ]
parameters { key: "owner" value { string_value: "tests" } }
"""


def put(root, name, version, model, config=None):
    """Writes a version of a model into a repository."""
    folder = root / name / str(version)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(MODELS / model, folder / "model.onnx")
    if config is not None:
        (root / name / "config.pbtxt").write_text(config)


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "models"
    put(root, "linear", 1, "linear_a.onnx")
    for version in (1, 2, 10):
        put(root, "versions", version, "linear_a.onnx" if version < 10 else "linear_b.onnx", CONFIG)
    put(root, "broken", 1, "not_a_model.onnx")
    return root


@pytest.fixture
def plane(start_serve, repository):
    return start_serve(f"--model-repository={repository}", "--allow-control")


@pytest.fixture(params=["http", "grpc"])
def triton(request, plane):
    """The client of a protocol, its module, and the data plane."""
    module = {"http": triton_http, "grpc": triton_grpc}[request.param]
    address = {"http": plane.inference_url.removeprefix("http://"),
               "grpc": plane.grpc_address}[request.param]
    with module.InferenceServerClient(address) as client:
        yield client, module, plane


def answer_of(triton, model, version=""):
    """What a model makes of ROW."""
    client, module, _ = triton
    given = module.InferInput("x", [1, 4], "FP32")
    given.set_data_from_numpy(ROW)
    return client.infer(model, [given], model_version=version).as_numpy("y").tolist()


def index_of(client):
    """{(name, version): (state, reason)} of the repository."""
    index = client.get_model_repository_index()
    if not isinstance(index, list):
        return {(model.name, model.version): (model.state, model.reason) for model in index.models}
    return {(model["name"], model.get("version", "")):
            (model.get("state", ""), model.get("reason", "")) for model in index}


def test_versions_follow_the_policy(triton):
    client, _, _ = triton
    index = index_of(client)
    assert index[("linear", "1")] == ("READY", "")
    assert index[("versions", "2")] == index[("versions", "10")] == ("READY", "")
    assert ("versions", "1") not in index
    state, reason = index[("broken", "1")]
    assert state == "UNAVAILABLE" and reason
    assert answer_of(triton, "versions") == answer_of(triton, "versions", "10")
    assert answer_of(triton, "versions", "2") == answer_of(triton, "linear")
    assert answer_of(triton, "versions", "2") != answer_of(triton, "versions", "10")


def test_both_protocols_tell_one_configuration(plane):
    with triton_http.InferenceServerClient(plane.inference_url.removeprefix("http://")) as http:
        told = http.get_model_config("versions")
    with triton_grpc.InferenceServerClient(plane.grpc_address) as client:
        config = client.get_model_config("versions").config
        same = client.get_model_config("versions", as_json=True)["config"]
    assert told["max_batch_size"] == config.max_batch_size == 0
    assert told["version_policy"] == {"latest": {"num_versions": 2}}
    assert config.version_policy.latest.num_versions == 2
    assert told["input"][0]["dims"] == list(config.input[0].dims) == [1, 4]
    assert told["input"][0]["data_type"] == "TYPE_FP32" and config.input[0].data_type == 11
    assert told["parameters"] == same["parameters"] == {"owner": {"string_value": "tests"}}
    assert config.instance_group[0].count == told["instance_group"][0]["count"] == 2
    assert told["default_model_filename"] == config.default_model_filename == "model.onnx"
    assert told["backend"] == config.backend == "onnxruntime"


def test_both_protocols_tell_one_statistics(plane):
    with triton_http.InferenceServerClient(plane.inference_url.removeprefix("http://")) as http, \
            triton_grpc.InferenceServerClient(plane.grpc_address) as client:
        assert answer_of((http, triton_http, plane), "linear")
        [rest] = http.get_inference_statistics("linear")["model_stats"]
        [same] = client.get_inference_statistics("linear").model_stats
        assert rest["inference_count"] == same.inference_count == 1
        for phase in ("success", "fail", "queue", "compute_input", "compute_infer",
                      "compute_output", "cache_hit", "cache_miss"):
            ours = getattr(same.inference_stats, phase)
            assert rest["inference_stats"][phase] == {"count": ours.count, "ns": ours.ns}, phase
        assert rest["batch_stats"][0]["compute_infer"]["ns"] == same.batch_stats[0].compute_infer.ns
        assert abs(rest["last_inference"] - same.last_inference) < 60_000
        assert rest["memory_usage"][0]["type"] == same.memory_usage[0].type == "CPU"
        everything = http.get_inference_statistics()["model_stats"]
        assert {(one["name"], one["version"]) for one in everything} == {
            ("linear", "1"), ("versions", "2"), ("versions", "10")}


def test_models_come_and_go(triton, repository):
    client, module, _ = triton
    before = answer_of(triton, "linear")
    client.unload_model("linear")
    assert not client.is_model_ready("linear")
    assert index_of(client)[("linear", "1")] == ("UNAVAILABLE", "unloaded")
    with pytest.raises(module.InferenceServerException):
        answer_of(triton, "linear")
    client.load_model("linear")
    assert answer_of(triton, "linear") == before
    put(repository, "later", 3, "linear_b.onnx")
    assert index_of(client)[("later", "")] == ("", "")
    client.load_model("later")
    assert index_of(client)[("later", "3")] == ("READY", "")
    client.unload_model("never-there")


def test_a_load_that_fails_leaves_what_serves(triton, repository):
    client, module, _ = triton
    before = answer_of(triton, "linear")
    put(repository, "linear", 2, "truncated.onnx")
    with pytest.raises(module.InferenceServerException, match="failed to load 'linear'"):
        client.load_model("linear")
    assert answer_of(triton, "linear") == before
    assert client.is_model_ready("linear", "1")
    put(repository, "linear", 2, "linear_b.onnx")
    client.load_model("linear")
    assert answer_of(triton, "linear") != before
    assert not client.is_model_ready("linear", "1")


def test_a_load_brings_configuration_and_files(triton):
    client, module, _ = triton
    client.load_model("versions", config=json.dumps(
        {"version_policy": {"specific": {"versions": [1]}}}))
    assert client.is_model_ready("versions", "1") and not client.is_model_ready("versions", "10")
    client.load_model("sent", config="{}",
                      files={"file:5/model.onnx": (MODELS / "linear_b.onnx").read_bytes()})
    assert client.is_model_ready("sent", "5")
    assert answer_of(triton, "sent")
    for config, files in (("{", {}), ('{"nope": 1}', {}), ('{"platform": "ensemble"}', {}),
                          ("{}", {"file:../1/model.onnx": b"x"}),
                          ("{}", {"file:1/model.onnx": b"no model"}),
                          ('{"max_batch_size": 8}', {})):
        with pytest.raises(module.InferenceServerException, match="failed to load 'linear'"):
            client.load_model("linear", config=config, files=files)
    assert answer_of(triton, "linear")


def test_kserves_messages_load_too(plane):
    with grpc.insecure_channel(plane.grpc_address) as channel:
        path = "/inference.GRPCInferenceService/RepositoryModel"
        unload = channel.unary_unary(path + "Unload")
        assert unload(b"\x0a\x06linear") == b"\x0a\x06linear\x10\x01"
        load = channel.unary_unary(path + "Load")
        assert load(b"\x0a\x06linear") == b"\x0a\x06linear\x10\x01"
        with pytest.raises(grpc.RpcError) as error:
            load(service_pb2.RepositoryModelLoadRequest(model_name="nope").SerializeToString())
        assert "failed to load 'nope'" in error.value.details()


def test_only_who_may_changes_models(start_serve, repository, tmp_path):
    closed = start_serve(repository / "linear")
    load = "/v2/repository/models/linear/load"
    refused = requests.post(closed.inference_url + load, timeout=10)
    assert refused.status_code == 403 and "--allow-control" in refused.json()["error"]
    token = tmp_path / "token"
    token.write_text("mine\n")
    serve = start_serve(repository, "--token-file", token)
    assert requests.post(serve.inference_url + load, timeout=10).status_code == 401
    assert requests.post(serve.inference_url + "/v2/repository/index", timeout=10).json() == []
    headers = {"Authorization": "Bearer mine"}
    assert requests.post(serve.inference_url + load, headers=headers, timeout=30).status_code == 200
    index = requests.post(serve.inference_url + "/v2/repository/index", headers=headers,
                          timeout=10).json()
    assert {model["name"] for model in index} == {"linear", "versions", "broken"}


def test_control_is_for_loopback_or_a_token():
    done = subprocess.run([programs.BINARY, "serve", MODELS / "identity.onnx", "--allow-control",
                           "--address", "0.0.0.0", "--insecure", "--port-base", "0"],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2 and "--token-file" in done.stderr
