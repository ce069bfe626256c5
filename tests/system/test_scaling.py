"""Instances follow what is asked of a service, and a GPU that is not there is missed aloud."""

import concurrent.futures
import json
import os
import subprocess
import threading

import pytest
import requests

import programs

GENEROUS_S = 60
ROW = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
SCALING = {"minInstances": 1, "maxInstances": 3, "metric": "concurrency", "target": 2,
           "upWindow": "0s", "downWindow": "1s"}


def push(centre, tag, **settings):
    tensor = {"datatype": "FP32", "shape": [-1, 4], "symbols": ["n", ""]}
    path = centre.folder / f"{tag}.fake.json"
    path.write_text(json.dumps({"inputs": [{"name": "x", **tensor}],
                                "outputs": [{"name": "y", **tensor}], **settings}))
    centre.cli("push", path, f"m:{tag}")


def apply(centre, check=True, **spec):
    service = {"apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": "m"},
               "spec": spec}
    return centre.cli("apply", "-f", "-", stdin=json.dumps(service), check=check)


def get(centre, resource):
    return json.loads(centre.cli("get", resource, "-o", "json").stdout)["status"]


def wait_for_phase(centre, phase):
    programs.wait_until(lambda: get(centre, "service/m").get("phase") == phase, phase)


def instances(centre):
    return get(centre, "revision/m-1").get("instances")


def metric(centre):
    text = requests.get(centre.metrics_url, timeout=GENEROUS_S).text
    line = next(one for one in text.splitlines() if one.startswith("slipway_inference_instances{"))
    return float(line.rsplit(" ", 1)[1])


def test_instances_come_and_go_with_the_requests(slipway):
    push(slipway, "slow", delayUs=50_000)
    predictor = {"model": "m:slow", "instances": 5}
    apply(slipway, predictor=predictor)
    wait_for_phase(slipway, "Ready")
    assert instances(slipway) == 5
    apply(slipway, predictor=predictor, scaling=SCALING)
    programs.wait_until(lambda: instances(slipway) == 1, "one instance")
    stop = threading.Event()

    def ask():
        failed = 0
        with requests.Session() as session:
            while not stop.is_set():
                answer = session.post(slipway.inference_url + "/v2/models/m/infer", json=ROW,
                                      timeout=GENEROUS_S)
                failed += answer.status_code != 200
        return failed

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        asking = [pool.submit(ask) for _ in range(12)]
        try:
            programs.wait_until(lambda: instances(slipway) == 3, "three instances",
                                timeout_s=GENEROUS_S)
            assert metric(slipway) == 3
        finally:
            stop.set()
        assert [one.result() for one in asking] == [0] * 12
    programs.wait_until(lambda: instances(slipway) == 1, "one instance again",
                        timeout_s=GENEROUS_S)
    # Other limits hold without another revision.
    apply(slipway, predictor=predictor, scaling={**SCALING, "minInstances": 2})
    programs.wait_until(lambda: instances(slipway) == 2, "two instances", timeout_s=GENEROUS_S)
    apply(slipway, predictor=predictor)
    programs.wait_until(lambda: instances(slipway) == 5, "the number of before")
    assert get(slipway, "service/m")["latestRevision"] == 1


def test_a_model_that_nobody_asks_leaves_and_comes_back(slipway):
    push(slipway, "cold", loadDelayUs=300_000)
    scaling = {**SCALING, "minInstances": 0}
    apply(slipway, predictor={"model": "m:cold"}, scaling=scaling)
    wait_for_phase(slipway, "Ready")
    url = slipway.inference_url + "/v2/models/m"

    def ask(_=None):
        return requests.post(url + "/infer", json=ROW, timeout=GENEROUS_S)

    for _ in range(2):
        programs.wait_until(lambda: instances(slipway) == 0, "it left", timeout_s=GENEROUS_S)
        assert metric(slipway) == 0
        assert get(slipway, "revision/m-1")["memoryBytes"] == 0
        assert get(slipway, "service/m")["phase"] == "Ready"
        assert requests.get(url + "/ready", timeout=GENEROUS_S).status_code == 200
        assert requests.get(url, timeout=GENEROUS_S).json()["inputs"][0]["name"] == "x"
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(ask, range(12)))
        assert [answer.status_code for answer in answers] == [200] * 12
        assert answers[0].json()["outputs"][0]["data"] == ROW["inputs"][0]["data"]
        programs.wait_until(lambda: instances(slipway) > 0, "the status", timeout_s=GENEROUS_S)
    # A request that has less time than the load gets its answer in time.
    programs.wait_until(lambda: instances(slipway) == 0, "it left", timeout_s=GENEROUS_S)
    hurried = requests.post(url + "/infer", json={**ROW, "parameters": {"timeout": 50_000}},
                            timeout=GENEROUS_S)
    assert hurried.status_code == 504 or "timeout" in hurried.text.lower(), hurried.text
    assert ask().status_code == 200
    # From now on it stays; the change loses nothing.
    apply(slipway, predictor={"model": "m:cold"}, scaling=SCALING)
    for _ in range(20):
        assert ask().status_code == 200
    programs.wait_until(lambda: instances(slipway) == 1, "one instance")
    assert get(slipway, "service/m")["latestRevision"] == 1


@pytest.mark.parametrize("scaling, field, words", [
    ({"maxInstances": 65}, "spec.scaling.maxInstances", "1 to 64"),
    ({"minInstances": -1, "maxInstances": 2}, "spec.scaling.minInstances", "0 to 64"),
    ({"minInstances": 3, "maxInstances": 2}, "spec.scaling.minInstances", "at most maxInstances"),
    ({"maxInstances": 2, "target": 0}, "spec.scaling.target", "above 0"),
    ({"maxInstances": 2, "downWindow": "2h"}, "spec.scaling.downWindow", "0s to 1h"),
    ({"maxInstances": 2, "metric": "mood"}, "spec.scaling.metric", "mood"),
])
def test_scaling_that_makes_no_sense_is_refused(slipway_module, scaling, field, words):
    centre = slipway_module
    push(centre, "good")
    refused = apply(centre, check=False, predictor={"model": "m:good"}, scaling=scaling)
    assert refused.returncode != 0
    assert field in refused.stderr and words in refused.stderr, refused.stderr


def test_a_gpu_that_is_not_there_fails_the_revision_and_says_so(slipway):
    push(slipway, "good")
    apply(slipway, predictor={"model": "m:good"})
    wait_for_phase(slipway, "Ready")
    assert get(slipway, "revision/m-1")["accelerator"] == "cpu"
    apply(slipway, predictor={"model": "m:good", "accelerator": "gpu"})
    wait_for_phase(slipway, "Degraded")
    ready = get(slipway, "service/m")["conditions"][0]
    assert ready["reason"] in ("GPU_MISSING", "GPU_UNSUPPORTED"), ready
    assert "GPU" in ready["message"] and "revision 1 still answers" in ready["message"]
    apply(slipway, predictor={"model": "m:good", "accelerator": "gpuPreferred"})
    wait_for_phase(slipway, "Ready")
    revision = get(slipway, "revision/m-3")
    assert revision["accelerator"] == "cpu"
    assert "GPU" in revision["conditions"][0]["message"]
    answer = requests.post(slipway.inference_url + "/v2/models/m/infer", json=ROW,
                           timeout=GENEROUS_S)
    assert answer.status_code == 200 and answer.json()["model_version"] == "3"


# NVIDIA's driver as far as it is asked what there is.
DRIVER = r"""
#include <stddef.h>
#include <string.h>
int cuInit(unsigned flags) { return (int)flags; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char *name, int size, int device) {
  strncpy(name, "Paper GPU", (size_t)size);
  return device;
}
int cuDeviceGetUuid_v2(char *uuid, int device) { memset(uuid, 7, 16); return device; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = (size_t)2 << 30; return device; }
"""


def test_a_gpu_without_libraries_for_it_is_named_with_the_way_out(tmp_path, start_serve):
    (tmp_path / "driver.c").write_text(DRIVER)
    subprocess.run(["clang-19", "-shared", "-fPIC", "-o", "libcuda.so.1", "driver.c"], check=True,
                   cwd=tmp_path)
    environment = {"LD_LIBRARY_PATH": str(tmp_path)}
    model = programs.ROOT / "tests/fixtures/models/identity.onnx"
    done = subprocess.run([programs.BINARY, "serve", model, "--port-base", "0", "--accelerator",
                           "gpu"], capture_output=True, text=True, check=False,
                          timeout=GENEROUS_S, env={**os.environ, **environment})
    assert done.returncode != 0
    assert "Paper GPU, 2048 MiB" in done.stderr, done.stderr
    plane = start_serve(model, "--accelerator", "gpuPreferred", environment=environment)
    config = requests.get(f"{plane.inference_url}/v2/models/identity/config", timeout=30).json()
    assert config["instance_group"][0]["kind"] == "KIND_CPU"
    assert "Paper GPU" in plane.log_tail()
