"""Requests to warm up with: Triton's samples, and a file among the files of a model."""

import json
import shutil

import requests

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
GENEROUS_S = 60
GOOD = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
CONFIG = """
name: "linear"
platform: "onnxruntime_onnx"
input [ { name: "x" data_type: TYPE_FP32 dims: [ 1, 4 ] } ]
model_warmup [ {
  name: "%s"
  count: 3
  inputs { key: "x" value { data_type: TYPE_FP32 dims: [ 1, 4 ] %s } }
} ]
"""


def put(root, name, sample):
    (root / "linear/1").mkdir(parents=True)
    (root / "linear/warmup").mkdir()
    (root / "linear/warmup/row").write_bytes(b"\0" * 16)
    (root / "linear/warmup/short").write_bytes(b"\0" * 3)
    shutil.copy(MODELS / "linear_a.onnx", root / "linear/1/model.onnx")
    (root / "linear/config.pbtxt").write_text(CONFIG % (name, sample))


def test_tritons_samples_run_before_the_model_is_ready(start_serve, tmp_path):
    for number, sample in enumerate(("zero_data: true", "random_data: true",
                                     'input_data_file: "row"')):
        root = tmp_path / str(number)
        put(root, "good", sample)
        plane = start_serve(f"--model-repository={root}")
        url = plane.inference_url + "/v2/models/linear"
        assert requests.get(url + "/ready", timeout=GENEROUS_S).status_code == 200
        stats = requests.get(url + "/stats", timeout=GENEROUS_S).json()["model_stats"][0]
        assert stats["inference_count"] == stats["execution_count"] == 0


def test_a_sample_that_does_not_fit_keeps_the_model_from_being_ready(start_serve, tmp_path):
    put(tmp_path / "models", "too_short", 'input_data_file: "short"')
    plane = start_serve(f"--model-repository={tmp_path / 'models'}", wait=False)

    def told():
        return "WARM_UP_FAILED" in plane.log_tail() and "too_short" in plane.log_tail()

    programs.wait_until(told, "the reason")


def push(centre, tag, lines):
    folder = centre.folder / tag
    folder.mkdir()
    shutil.copy(MODELS / "linear_a.onnx", folder / "model.onnx")
    (folder / "warmup.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    centre.cli("push", folder, f"linear:{tag}")


def apply(centre, tag):
    service = {"apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": "linear"},
               "spec": {"predictor": {"model": f"linear:{tag}", "warmup": "warmup.jsonl"}}}
    centre.cli("apply", "-f", "-", stdin=json.dumps(service))


def status(centre):
    return json.loads(centre.cli("get", "service/linear", "-o", "json").stdout)["status"]


def test_a_file_of_the_model_warms_it_up_or_fails_it(slipway):
    push(slipway, "good", [GOOD, GOOD])
    apply(slipway, "good")
    programs.wait_until(lambda: status(slipway).get("phase") == "Ready", "the first revision")
    push(slipway, "bad", [GOOD, {"inputs": []}])
    apply(slipway, "bad")
    programs.wait_until(lambda: status(slipway)["phase"] == "Degraded", "the failure")
    message = status(slipway)["conditions"][0]["message"]
    assert "line 2" in message and "revision 1 still answers" in message, message
    answer = requests.post(slipway.inference_url + "/v2/models/linear/infer", json=GOOD,
                           timeout=GENEROUS_S)
    assert answer.status_code == 200 and answer.json()["model_version"] == "1"
