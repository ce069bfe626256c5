"""A request to a model with an endless loop is ended by the limit of its service."""

import json

import pytest
import requests

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
ENDLESS = 9_000_000_000_000_000_000


def infer(url, iterations):
    body = {"inputs": [
        {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]},
        {"name": "iterations", "shape": [], "datatype": "INT64", "data": [iterations]}]}
    return requests.post(url, json=body, timeout=120)


def set_timeout(centre, timeout, check=True):
    service = json.loads(centre.cli("get", "service/slow", "-o", "json").stdout)
    service["spec"]["timeout"] = timeout
    wanted = {key: service[key] for key in ("apiVersion", "kind", "spec") if key in service}
    wanted["metadata"] = {"name": "slow", "project": "default"}
    return centre.cli("apply", "-f", "-", stdin=json.dumps(wanted), check=check)


def test_the_limit_of_the_service_ends_an_endless_run(slipway):
    slipway.cli("push", MODELS / "slow_loop.onnx", "slow:v1")
    slipway.cli("deploy", "slow:v1")
    before = json.loads(slipway.cli("get", "service/slow", "-o", "json").stdout)
    assert before["spec"]["timeout"] == "60s"
    set_timeout(slipway, "1s")
    url = slipway.inference_url + "/v2/models/slow/infer"
    # The data plane has its settings anew a moment later: that run has 60 s still.
    answer = infer(url, ENDLESS)
    assert answer.status_code == 504, answer.text
    assert "spec.timeout" in answer.json()["error"]
    assert infer(url, 3).status_code == 200
    after = json.loads(slipway.cli("get", "service/slow", "-o", "json").stdout)
    assert after["status"]["latestRevision"] == before["status"]["latestRevision"]


def test_a_stand_alone_data_plane_has_a_limit_too(start_serve):
    plane = start_serve(MODELS / "slow_loop.onnx", "--request-timeout", "1s")
    url = plane.inference_url + "/v2/models/slow_loop/infer"
    answer = infer(url, ENDLESS)
    assert answer.status_code == 504, answer.text
    assert "the 1 s that this service allows" in answer.json()["error"]
    assert infer(url, 3).status_code == 200


@pytest.mark.parametrize("timeout", ["0s", "2h", "soon"])
def test_a_limit_that_makes_no_sense_is_refused(slipway_module, timeout):
    centre = slipway_module
    done = centre.cli("push", MODELS / "slow_loop.onnx", "slow:v1", check=False)
    assert done.returncode == 0
    centre.cli("deploy", "slow:v1")
    done = set_timeout(centre, timeout, check=False)
    assert done.returncode == 2, done.stderr
    assert "spec.timeout" in done.stderr
