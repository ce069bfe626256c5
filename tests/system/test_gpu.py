"""Models on a real GPU: the same numbers, memory that is accounted and given back.

Skipped where there is no GPU, or where `make gpu` has not brought the libraries.
"""

import ctypes
import json
import pathlib
import shutil
import threading

import numpy
import pytest
import requests

import programs

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests/fixtures/models"
GENEROUS_S = 300  # the first model on a GPU waits for libraries of hundreds of MiB
TOLERANCE = 1e-5


def missing():
    """What keeps the tests from running here; nothing where they can."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "the driver's library libcuda.so.1 is not installed"
    count = ctypes.c_int()
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or not count:
        return "there is no GPU"
    if not (programs.BINARY.parent.parent / "lib/slipway/cuda").is_dir():
        return "`make gpu` has not brought the libraries"
    return None


pytestmark = pytest.mark.skipif(missing() is not None, reason=f"GPU: {missing()}")


def infer(url, model, rows):
    body = {"inputs": [{"name": "x", "shape": list(rows.shape), "datatype": "FP32",
                        "data": rows.ravel().tolist()}]}
    answer = requests.post(f"{url}/v2/models/{model}/infer", json=body, timeout=GENEROUS_S)
    assert answer.status_code == 200, answer.text
    return numpy.array(answer.json()["outputs"][0]["data"])


def metric(program, name):
    """The values of a metric, by the text of its labels."""
    lines = requests.get(program.metrics_url, timeout=GENEROUS_S).text.splitlines()
    return {line.rpartition(" ")[0][len(name):]: float(line.rpartition(" ")[2])
            for line in lines if line.startswith(name + "{")}


def status(centre, name):
    return json.loads(centre.cli("get", name, "-o", "json").stdout)["status"]


def wait_ready(program):
    programs.wait_until(lambda: programs.answers(program.inference_url + "/v2/health/ready"),
                        "the model on the GPU", GENEROUS_S)


def apply(centre, **predictor):
    service = {"apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": "m"},
               "spec": {"predictor": predictor}}
    centre.cli("apply", "-f", "-", stdin=json.dumps(service))


def test_numbers_are_those_of_the_processor(start_serve):
    on_cpu = start_serve(MODELS / "mlp_a.onnx", "--name", "m")
    on_gpu = start_serve(MODELS / "mlp_a.onnx", "--name", "m", "--accelerator", "gpu", wait=False)
    programs.wait_until(on_gpu._has_ports, "ports", GENEROUS_S)
    wait_ready(on_gpu)
    random = numpy.random.default_rng(5)
    for _ in range(32):
        row = random.standard_normal((1, 4)).astype("float32")
        numpy.testing.assert_allclose(infer(on_gpu.inference_url, "m", row),
                                      infer(on_cpu.inference_url, "m", row), rtol=0,
                                      atol=TOLERANCE)
    config = requests.get(on_gpu.inference_url + "/v2/models/m/config", timeout=GENEROUS_S).json()
    assert config["instance_group"][0]["kind"] == "KIND_GPU"
    stats = requests.get(on_gpu.inference_url + "/v2/models/m/stats", timeout=GENEROUS_S).json()
    memory = {row["type"]: row["byte_size"] for row in stats["model_stats"][0]["memory_usage"]}
    assert memory["GPU"] > 0
    total = metric(on_gpu, "nv_gpu_memory_total_bytes")
    used = metric(on_gpu, "nv_gpu_memory_used_bytes")
    assert total and all(0 < used[labels] <= total[labels] for labels in total)
    assert not metric(on_cpu, "nv_gpu_memory_total_bytes")


@pytest.mark.parametrize("isolation", ["shared", "process"])
def test_the_status_of_a_revision_names_the_gpu(slipway, isolation):
    slipway.cli("push", MODELS / "mlp_a.onnx", "m:a")
    apply(slipway, model="m:a", accelerator="gpu", isolation=isolation)
    programs.wait_until(lambda: status(slipway, "service/m").get("phase") == "Ready",
                        "the service", GENEROUS_S)
    revision = status(slipway, "revision/m-1")
    assert "NVIDIA" in revision["accelerator"]
    assert revision["gpuMemoryBytes"] > 0


def test_upgrades_on_the_gpu_lose_no_request(slipway):
    for tag in ("a", "b"):
        slipway.cli("push", MODELS / f"mlp_{tag}.onnx", f"m:{tag}")
    apply(slipway, model="m:a", accelerator="gpu")
    programs.wait_until(lambda: status(slipway, "service/m").get("phase") == "Ready",
                        "the service", GENEROUS_S)
    rows = numpy.ones((1, 4), "float32")
    failures, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                infer(slipway.inference_url, "m", rows)
            except Exception as error:  # whatever it is, it is a lost request
                failures.append(error)

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        for number in range(2, 8):
            apply(slipway, model="m:b" if number % 2 == 0 else "m:a", accelerator="gpu")
            programs.wait_until(
                lambda wanted=number: status(slipway, "service/m")["readyRevision"] == wanted,
                f"revision {number}", GENEROUS_S)
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert not failures


def test_models_that_leave_give_the_memory_back(start_serve, tmp_path):
    repository = tmp_path / "models"
    for name in ("stays", "goes"):
        (repository / name / "1").mkdir(parents=True)
        shutil.copy(MODELS / "mlp_a.onnx", repository / name / "1/model.onnx")
        (repository / name / "config.pbtxt").write_text(
            "instance_group [ { count: 1 kind: KIND_GPU } ]")
    plane = start_serve(repository, "--allow-control", wait=False)
    programs.wait_until(plane._has_ports, "ports", GENEROUS_S)
    wait_ready(plane)

    def used():
        return sum(metric(plane, "nv_gpu_memory_used_bytes").values())

    def turn():
        for verb in ("unload", "load"):
            answer = requests.post(f"{plane.inference_url}/v2/repository/models/goes/{verb}",
                                   json={}, timeout=GENEROUS_S)
            assert answer.status_code == 200, answer.text

    for _ in range(5):
        turn()
    before = used()
    for _ in range(30):
        turn()
    assert used() <= before + (16 << 20)
