"""Requests that share runs of a model, over both protocols, on the real engines."""

import concurrent.futures
import json
import pathlib
import re

import numpy
import pytest
import requests
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
CALLERS = 16
ROUNDS = 8


def metric(plane, name):
    """Returns the sum of all samples of one metric."""
    text = requests.get(plane.url("metrics") + "/metrics", timeout=10).text
    return sum(float(value) for value in re.findall(rf"^{name}{{.*}} (\S+)$", text, re.M))


def metric_value(plane, name):
    """Returns a metric that has no labels."""
    text = requests.get(plane.url("metrics") + "/metrics", timeout=30).text
    return float(re.search(rf"^{name} (\S+)$", text, re.M).group(1))


def infer_http(plane, name, values):
    with triton_http.InferenceServerClient(
            plane.inference_url.removeprefix("http://")) as client:
        tensor = triton_http.InferInput("x", list(values.shape), "FP32")
        tensor.set_data_from_numpy(values)
        return client.infer(name, [tensor])


def infer_grpc(plane, name, values):
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{plane.ports['inference_grpc']}") as client:
        tensor = triton_grpc.InferInput("x", list(values.shape), "FP32")
        tensor.set_data_from_numpy(values)
        return client.infer(name, [tensor])


@pytest.fixture
def serve(tmp_path):
    started = []

    def start(*arguments):
        started.append(programs.DataPlane(tmp_path / str(len(started)), *arguments))
        return started[-1].start()

    yield start
    for plane in started:
        plane.close()


@pytest.fixture
def centre(tmp_path):
    with programs.ControlCentre(tmp_path / "data") as made:
        yield made


def hammer(plane, name):
    """Many callers of both protocols at once, each with values of its own, which it gets back."""

    def call(number):
        infer = infer_http if number % 2 else infer_grpc
        for turn in range(ROUNDS):
            rows = 1 + (number + turn) % 3
            values = numpy.full((rows, 4), 100 * number + turn, numpy.float32)
            values += numpy.arange(rows, dtype=numpy.float32)[:, None]
            yield values, infer(plane, name, values)

    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        return [pair for pairs in pool.map(lambda n: list(call(n)), range(CALLERS))
                for pair in pairs]


def test_onnx_answers_are_those_of_runs_alone(serve):
    alone = serve(MODELS / "dynamic_batch.onnx", "--name", "m")
    shared = serve(MODELS / "dynamic_batch.onnx", "--name", "m", "--max-batch", "8")
    expected = {}
    for values, result in hammer(shared, "m"):
        key = values.tobytes()
        if key not in expected:
            expected[key] = infer_http(alone, "m", values)
        for output in ("y", "sum"):
            assert result.as_numpy(output).tolist() == expected[key].as_numpy(output).tolist()
    runs = metric(shared, "nv_inference_exec_count")
    rows = metric(shared, "nv_inference_count")
    assert metric(shared, "nv_inference_request_success") == CALLERS * ROUNDS
    assert rows == sum(1 + (n + t) % 3 for n in range(CALLERS) for t in range(ROUNDS))
    assert 0 < runs <= CALLERS * ROUNDS


def fake_model(folder, **settings):
    tensor = {"datatype": "FP32", "shape": [-1, 4], "symbols": ["n", ""]}
    path = folder / "m.fake.json"
    path.write_text(json.dumps({"inputs": [{"name": "x", **tensor}],
                                "outputs": [{"name": "y", **tensor}], **settings}))
    return path


def test_those_who_wait_share_runs_and_statistics_tell_it(serve, tmp_path):
    # A run takes so long that all others arrive meanwhile, on a machine of any speed.
    plane = serve(fake_model(tmp_path, delayUs=20_000), "--max-batch", "8")
    for values, result in hammer(plane, "m"):
        assert result.as_numpy("y").tolist() == values.tolist()
    runs = metric(plane, "nv_inference_exec_count")
    assert runs < CALLERS * ROUNDS, "nobody shared a run"
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{plane.ports['inference_grpc']}") as client:
        stats = client.get_inference_statistics("m", as_json=True)["model_stats"][0]
    assert int(stats["execution_count"]) == runs
    assert int(stats["inference_count"]) == metric(plane, "nv_inference_count")
    sizes = {int(batch["batch_size"]): int(batch["compute_infer"]["count"])
             for batch in stats["batch_stats"]}
    assert sum(sizes.values()) == runs
    assert sum(size * count for size, count in sizes.items()) == int(stats["inference_count"])
    assert max(sizes) <= 8


def test_a_poisoned_request_spoils_no_companion(serve, tmp_path):
    plane = serve(fake_model(tmp_path, delayUs=5_000, failOn=13), "--max-batch", "8")

    def call(number):
        value = 13 if number % 4 == 0 else 100 + number
        body = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32",
                            "data": [value] * 4}]}
        answer = requests.post(f"{plane.inference_url}/v2/models/m/infer", json=body, timeout=60)
        return value, answer

    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        for value, answer in pool.map(call, range(64)):
            if value == 13:
                assert answer.status_code == 500, answer.text
            else:
                assert answer.json()["outputs"][0]["data"] == [value] * 4


def test_too_many_rows_are_refused_on_both_protocols(serve):
    plane = serve(MODELS / "dynamic_batch.onnx", "--name", "m", "--max-batch", "2")
    values = numpy.zeros((3, 4), numpy.float32)
    for infer, error in ((infer_http, triton_http.InferenceServerException),
                         (infer_grpc, triton_grpc.InferenceServerException)):
        with pytest.raises(error) as raised:
            infer(plane, "m", values)
        assert "batch-size must be <= 2 for 'm', got 3" in str(raised.value)


def test_deploying_with_a_batch(centre):
    centre.cli("push", str(MODELS / "dynamic_batch.onnx"), "m:v1")
    centre.cli("deploy", "m:v1", "--max-batch", "8")
    spec = json.loads(centre.cli("get", "service", "m", "-o", "json").stdout)["spec"]
    assert spec["predictor"]["batching"]["maxBatchSize"] == 8
    assert infer_http(centre, "m", numpy.ones((8, 4), numpy.float32)).as_numpy("sum").shape == (8,)
    with pytest.raises(triton_http.InferenceServerException):
        infer_http(centre, "m", numpy.ones((9, 4), numpy.float32))
    # Another size is another revision; the same one is not.
    assert "revision 1" in centre.cli("deploy", "m:v1", "--max-batch", "8").stdout
    assert "revision 2" in centre.cli("deploy", "m:v1", "--max-batch", "9").stdout


def test_a_model_without_a_batch_says_so(centre):
    centre.cli("push", str(MODELS / "linear_a.onnx"), "m:v1")
    failed = centre.cli("deploy", "m:v1", "--max-batch", "8", check=False)
    assert failed.returncode != 0
    assert ("the first dimension of input 'x', whose shape is [1,4], is not open (-1)"
            in failed.stderr)


def test_settings_that_are_wrong_are_named(centre, tmp_path):
    centre.cli("push", str(MODELS / "dynamic_batch.onnx"), "m:v1")
    for batching, message in (
            ({"maxBatchSize": 8, "maxQueueDelay": "1h"},
             "spec.predictor.batching.maxQueueDelay: 0 to 10s"),
            ({"maxBatchSize": 8, "preferredSizes": [4, 16]},
             "spec.predictor.batching.preferredSizes[1]: 1 to maxBatchSize, which is 8, got 16"),
            ({"maxBatchSize": -1}, "spec.predictor.batching.maxBatchSize: 0 to 65536, got -1"),
            ({"timeoutAction": "drop"}, "spec.predictor.batching.timeoutAction"),
            ({"maxBatch": 8}, "spec.predictor.batching.maxBatch")):
        path = tmp_path / "service.json"
        path.write_text(json.dumps({"apiVersion": "slipway/v1", "kind": "Service",
                                    "metadata": {"name": "m"},
                                    "spec": {"predictor": {"model": "m:v1",
                                                           "batching": batching}}}))
        refused = centre.cli("apply", "-f", str(path), check=False)
        assert refused.returncode != 0
        assert message in refused.stderr


def resident_mib(plane, which):
    """Returns VmRSS or VmHWM of the program, in MiB."""
    status = (pathlib.Path("/proc") / str(plane.process.pid) / "status").read_text()
    return int(re.search(rf"^{which}:\s+(\d+) kB", status, re.M).group(1)) // 1024


def test_memory_of_64_clients_is_bounded(serve, tmp_path):
    """Without the bound they would take 64 times 4 MB of JSON and as often 8 MB of tensors."""
    plane = serve(fake_model(tmp_path, delayUs=20_000), "--request-memory", "64")
    rows = 500_000
    body = (f'{{"inputs":[{{"name":"x","shape":[{rows},4],"datatype":"FP32","data":['
            + "1," * (rows * 4 - 1) + "1]}]}").encode()
    before = resident_mib(plane, "VmRSS")
    seen = []

    def call(_):
        answer = requests.post(f"{plane.inference_url}/v2/models/m/infer", data=body, timeout=120)
        seen.append(metric_value(plane, "slipway_request_memory_bytes"))
        return answer

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(call, range(64)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert any(answer.status_code == 200 for answer in answers)
    for answer in answers:
        if answer.status_code == 503:
            assert answer.headers["Retry-After"] == "1"
            assert "too much memory" in answer.json()["error"]
    assert max(seen) <= 64 << 20
    # The JSON parser of each core, and what malloc keeps, come on top. Without a bound it is 900.
    assert resident_mib(plane, "VmHWM") - before < 450
    programs.wait_until(lambda: metric_value(plane, "slipway_request_memory_bytes") == 0,
                        "the memory to be given back")
