"""`slipway serve MODEL` alone, and the real clients of the V2 protocol."""

import json
import pathlib
import signal
import socket
import subprocess

import numpy
import pytest
import requests
import tritonclient.http as triton

import programs

MODELS = programs.ROOT / "tests/fixtures/models"


def run(*arguments, timeout_s=20):
    """Runs a `slipway serve` that is expected to end by itself."""
    return subprocess.run([str(programs.BINARY), "serve", *map(str, arguments)], text=True,
                          capture_output=True, timeout=timeout_s, check=False)


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    serve = programs.DataPlane(tmp_path_factory.mktemp("serve"), MODELS / "linear_a.onnx",
                               "--name", "linear")
    try:
        yield serve.start()
    finally:
        serve.close()


@pytest.fixture
def client(plane):
    with triton.InferenceServerClient(plane.inference_url.removeprefix("http://")) as made:
        yield made


def tensor(name, values, datatype):
    """An input for tritonclient, sent as JSON."""
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=False)
    return made


def test_tritonclient_asks_about_server_and_model(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("linear") and client.is_model_ready("linear", "1")
    assert not client.is_model_ready("nope")
    assert client.get_server_metadata()["name"] == "slipway"
    metadata = client.get_model_metadata("linear")
    assert metadata["name"] == "linear"
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [1, 4]}]
    assert metadata["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [1, 4]}]


def test_tritonclient_infers(client, plane):
    values = numpy.array([[1, 2, 3, 4]], numpy.float32)
    result = client.infer("linear", [tensor("x", values, "FP32")], request_id="7",
                          outputs=[triton.InferRequestedOutput("y", binary_data=False)])
    answer = requests.post(f"{plane.inference_url}/v2/models/linear/infer", timeout=10, json={
        "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [[1, 2, 3, 4]]}]})
    assert result.get_response()["id"] == "7"
    assert result.as_numpy("y").tolist() == [answer.json()["outputs"][0]["data"]]
    assert result.as_numpy("y").shape == (1, 4)


def test_tritonclient_gets_the_reason_of_an_error(client):
    values = numpy.array([[1, 2, 3]], numpy.float32)
    with pytest.raises(triton.InferenceServerException) as error:
        client.infer("linear", [tensor("x", values, "FP32")])
    assert "shape" in str(error.value)
    with pytest.raises(triton.InferenceServerException) as error:
        client.infer("nope", [tensor("x", values, "FP32")])
    assert "Request for unknown model: 'nope' is not found" in str(error.value)


@pytest.mark.parametrize("model, name, values, datatype", [
    ("add_int64.onnx", "x", numpy.array([[1, -2, 2**53 + 1, -(2**62)]], numpy.int64), "INT64"),
    ("string_identity.onnx", "x", numpy.array(["ü", "", "a\n\"b\""], numpy.object_), "BYTES"),
    ("scalar.onnx", "x", numpy.array(1.5, numpy.float32), "FP32"),
])
def test_tritonclient_types(start_serve, model, name, values, datatype):
    serve = start_serve(MODELS / model, "--name", "m")
    with triton.InferenceServerClient(serve.inference_url.removeprefix("http://")) as client:
        outputs = [triton.InferRequestedOutput("y", binary_data=False)]
        result = client.infer("m", [tensor(name, values, datatype)], outputs=outputs)
        got = result.as_numpy("y")
    want = values + 1 if datatype == "INT64" else values
    if datatype == "BYTES":
        got = numpy.array([g.decode() if isinstance(g, bytes) else g for g in got], numpy.object_)
    assert got.tolist() == want.tolist()


@pytest.mark.parametrize("model, values, datatype", [
    ("add_int64.onnx", numpy.array([[1, -2, 2**53 + 1, -(2**62)]], numpy.int64), "INT64"),
    ("string_identity.onnx", numpy.array([b"\xff\x00", b"", "ü".encode()], numpy.object_), "BYTES"),
    ("scalar.onnx", numpy.array(1.5, numpy.float32), "FP32"),
])
def test_tritonclient_by_its_own_defaults_sends_bytes(start_serve, model, values, datatype):
    serve = start_serve(MODELS / model, "--name", "m")
    sent = triton.InferInput("x", list(values.shape), datatype)
    sent.set_data_from_numpy(values)
    with triton.InferenceServerClient(serve.inference_url.removeprefix("http://")) as client:
        assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
        for options in ({}, {"outputs": [triton.InferRequestedOutput("y")]},
                        {"request_compression_algorithm": "gzip",
                         "response_compression_algorithm": "deflate"}):
            result = client.infer("m", [sent], **options)
            assert "binary_data_size" in result.get_output("y")["parameters"]
            want = values + 1 if datatype == "INT64" else values
            assert result.as_numpy("y").tolist() == want.tolist()


def test_tritonclient_classifies(client):
    sent = triton.InferInput("x", [1, 4], "FP32")
    sent.set_data_from_numpy(numpy.array([[1, 2, 3, 4]], numpy.float32))
    plain = client.infer("linear", [sent]).as_numpy("y").reshape(-1)
    best = client.infer("linear", [sent], outputs=[
        triton.InferRequestedOutput("y", class_count=2)]).as_numpy("y")
    order = numpy.argsort(-plain, kind="stable")[:2]
    assert [text.decode() for text in best.reshape(-1)] == [f"{plain[i]:.6f}:{i}" for i in order]


def test_a_raw_request_is_just_the_tensor(plane):
    values = numpy.array([[1, 2, 3, 4]], numpy.float32)
    answer = requests.post(f"{plane.inference_url}/v2/models/linear/infer", data=values.tobytes(),
                           headers={"Inference-Header-Content-Length": "0"}, timeout=10)
    assert answer.status_code == 200
    head = int(answer.headers["Inference-Header-Content-Length"])
    assert json.loads(answer.content[:head])["outputs"][0]["shape"] == [1, 4]
    assert len(answer.content) == head + 16
    short = requests.post(f"{plane.inference_url}/v2/models/linear/infer", data=b"abc",
                          headers={"Inference-Header-Content-Length": "0"}, timeout=10)
    assert short.status_code == 400 and "byte size" in short.json()["error"]


@pytest.mark.parametrize("flavour, text", [
    ([], "[null,null,null,1.0]"),
    (["--flavour", "triton"], "[NaN,Infinity,-Infinity,1.0]")])
def test_numbers_that_json_does_not_have(start_serve, flavour, text):
    plane = start_serve(MODELS / "identity.onnx", "--name", "same", *flavour)
    body = '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32",' \
           '"data":[NaN,Infinity,-1e39,1]}]}'
    answer = requests.post(f"{plane.inference_url}/v2/models/same/infer", data=body, timeout=10)
    assert answer.status_code == 200 and f'"data":{text}' in answer.text, answer.text
    flat = requests.post(f"{plane.inference_url}/v2/models/same/generate", timeout=10,
                         data='{"x":[null,1e39,-1e39,1]}')
    assert flat.status_code == 200 and text in flat.text, flat.text


def test_requests_need_no_content_type_and_metrics_count(plane):
    body = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32",
                                   "data": [1, 2, 3, 4]}]})
    answer = requests.post(f"{plane.inference_url}/v2/models/linear/infer", data=body, timeout=10)
    assert answer.status_code == 200
    metrics = requests.get(plane.metrics_url, timeout=10)
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'model="linear"' in metrics.text


def test_the_engine_reports_to_nobody(plane):
    assert requests.get(plane.inference_url + "/v2/health/ready", timeout=10).status_code == 200
    left = [str(path.relative_to(plane.home)) for path in plane.home.rglob("*")]
    assert left == [], "ONNX Runtime's telemetry keeps an id and a queue in the user's cache"


def test_folder_of_one_model_is_named_like_the_folder(start_serve, tmp_path):
    folder = tmp_path / "detector"
    folder.mkdir()
    (folder / "model.onnx").write_bytes((MODELS / "identity.onnx").read_bytes())
    (folder / "labels.txt").write_text("a\n")
    serve = start_serve(folder)
    assert requests.get(f"{serve.inference_url}/v2/models/detector", timeout=10).status_code == 200


def test_a_token_file_closes_it(start_serve, tmp_path):
    token = tmp_path / "token"
    token.write_text("a-secret-of-mine\n")
    serve = start_serve(MODELS / "identity.onnx", "--name", "m", "--token-file", token)
    url = f"{serve.inference_url}/v2/models/m/infer"
    body = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
    assert requests.post(url, json=body, timeout=10).status_code == 401
    for header in ("Bearer a-secret-of-mine", "Bearer a-secret-of-mine2", "Bearer "):
        status = requests.post(url, json=body, headers={"Authorization": header},
                               timeout=10).status_code
        assert status == (200 if header == "Bearer a-secret-of-mine" else 401), header
    names = f"{serve.inference_url}/v2/models"
    assert requests.get(names, timeout=10).json() == {"models": []}
    mine = {"Authorization": "Bearer a-secret-of-mine"}
    assert requests.get(names, headers=mine, timeout=10).json() == {"models": ["m"]}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(start_serve, number):
    serve = start_serve(MODELS / "identity.onnx")
    serve.process.send_signal(number)
    assert serve.process.wait(10) == 0
    serve.process = None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_while_it_still_loads(tmp_path, number):
    model = tmp_path / "slow.fake.json"
    tensor = {"datatype": "FP32", "shape": [-1]}
    model.write_text(json.dumps({"inputs": [{"name": "x"} | tensor],
                                 "outputs": [{"name": "y"} | tensor],
                                 "loadDelayUs": 600_000_000}))
    serve = subprocess.Popen([programs.BINARY, "serve", model, "--port-base", "0"],
                             stderr=subprocess.PIPE, text=True)
    try:
        # Signals are taken before anything is opened, and the engine is opened before it loads.
        maps = pathlib.Path(f"/proc/{serve.pid}/maps")
        programs.wait_until(lambda: "engine_fake" in maps.read_text(), "the engine to be opened")
        serve.send_signal(number)
        assert serve.wait(60) == 130
        assert serve.stderr.read().splitlines()[-1].endswith("while the model was loading")
    finally:
        serve.kill()
        serve.wait()


def test_what_cannot_be_served_is_one_sentence(tmp_path):
    missing = run(tmp_path / "missing.onnx", "--port-base", "0")
    assert missing.returncode == 3 and "missing.onnx" in missing.stderr
    none = run(tmp_path, "--port-base", "0")
    assert none.returncode != 0 and str(tmp_path) in none.stderr
    usage = run()
    assert usage.returncode == 2 and "MODEL" in usage.stderr
    for done in (missing, none, usage):
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(MODELS / "identity.onnx", "--port-base", port)
    assert done.returncode == 6
    assert str(port) in done.stderr and "in use" in done.stderr


def test_a_model_that_can_never_run_is_not_served():
    done = run(MODELS / "out_of_memory.onnx", "--port-base", "0")
    assert done.returncode != 0
    assert "its warm-up run failed" in done.stderr and "bad_alloc" in done.stderr


def test_it_says_where_it_listens(plane):
    line = next(line for line in plane.log_tail(1000).splitlines() if "data plane is ready" in line)
    assert f"rest={plane.inference_url}" in line.replace('"', "")
    assert "metrics=http://127.0.0.1:" in line.replace('"', "") and "models=1" in line


def test_a_failed_warm_up_is_told(start_centre):
    centre = start_centre()
    centre.cli("push", MODELS / "not_with_zeros.onnx", "z:v1")
    centre.cli("deploy", "z:v1")
    for named in ("service/z", "revision/z-1"):
        assert "warm-up run" in centre.cli("describe", named).stdout
