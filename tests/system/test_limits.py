"""Limits of callers: rates and requests at the same time, by key and by service."""

import numpy
import pytest
import requests
import tritonclient.grpc as triton_grpc
import yaml

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
BODY = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
RARELY = 0.001  # a second one comes in 17 minutes


@pytest.fixture(scope="module")
def centre(slipway_module):
    slipway_module.cli("push", MODELS / "linear_a.onnx", "linear:v1")
    return slipway_module


def deploy(centre, name, tmp_path, **spec):
    document = tmp_path / f"{name}.yaml"
    document.write_text(yaml.safe_dump(
        {"apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": name},
         "spec": {"predictor": {"model": "linear:v1"}, **spec}}))
    centre.cli("apply", "-f", document)
    url = f"{centre.inference_url}/v2/models/{name}/infer"
    programs.wait_until(lambda: requests.get(url.replace("infer", "ready"), timeout=30).status_code
                        in (200, 401), f"service {name}")
    return url


def test_a_key_has_its_rate(centre, tmp_path):
    url = deploy(centre, "keyed", tmp_path, access="token")
    key = centre.cli("token", "create", "ci", "--service", "keyed", "--rate", RARELY,
                     "--burst", "3").stdout.strip()
    free = centre.cli("token", "create", "free", "--service", "keyed").stdout.strip()

    def post(token):
        return requests.post(url, json=BODY, timeout=30,
                             headers={"Authorization": f"Bearer {token}"})
    programs.wait_until(lambda: post(free).status_code == 200, "the keys")
    answers = [post(key) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2
    refused = answers[-1]
    assert 1 <= int(refused.headers["Retry-After"]) <= 1000
    assert "the key 'ci' may send 0.001 requests a second" in refused.json()["error"]
    assert post(free).status_code == 200
    assert post("wrong").status_code == 401
    tensor = triton_grpc.InferInput("x", [1, 4], "FP32")
    tensor.set_data_from_numpy(numpy.array([[1, 2, 3, 4]], numpy.float32))
    with triton_grpc.InferenceServerClient(centre.grpc_address) as client:
        with pytest.raises(triton_grpc.InferenceServerException) as error:
            client.infer("keyed", [tensor], headers={"authorization": f"Bearer {key}"})
        assert error.value.status() == "StatusCode.RESOURCE_EXHAUSTED"
        client.infer("keyed", [tensor], headers={"authorization": f"Bearer {free}"})


def test_callers_without_keys_share_the_limits_of_the_service(centre, tmp_path):
    url = deploy(centre, "shared", tmp_path, limits={"requestsPerSecond": RARELY, "burst": 2})
    answers = [requests.post(url, json=BODY, timeout=30).status_code for _ in range(4)]
    assert answers == [200, 200, 429, 429]
    deploy(centre, "shared", tmp_path)
    programs.wait_until(lambda: requests.post(url, json=BODY, timeout=30).status_code == 200,
                        "the end of the limits")


def test_bad_limits_name_the_field(centre, tmp_path):
    document = tmp_path / "bad.yaml"
    document.write_text(yaml.safe_dump(
        {"apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": "bad"},
         "spec": {"predictor": {"model": "linear:v1"}, "limits": {"concurrent": -1}}}))
    done = centre.cli("apply", "-f", document, check=False)
    assert done.returncode != 0 and "spec.limits.concurrent" in done.stderr
    done = centre.cli("token", "create", "--service", "x", "--burst", "3", check=False)
    assert done.returncode != 0 and "--rate" in done.stderr
    done = centre.cli("token", "create", "--service", "x", "--rate", "fast", check=False)
    assert done.returncode != 0 and "--rate" in done.stderr
    assert "requestsPerSecond" in centre.cli("explain", "token.spec.limits").stdout
