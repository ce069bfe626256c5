"""Services that follow a tag, and content that is away for a while."""

import json
import shutil

import requests

import programs
from programs import wait_until

MODELS = programs.ROOT / "tests/fixtures/models"
SERVICE = """{apiVersion: slipway/v1, kind: Service, metadata: {name: f},
              spec: {follow: true, predictor: {model: "linear:v1"}}}"""


def digest_of(centre, name):
    return json.loads(centre.cli("inspect", name, "-o", "json").stdout)["digest"]


def service(centre, name="f"):
    return json.loads(centre.cli("get", f"service/{name}", "-o", "json").stdout)


def wait_for_revision(centre, number):
    wait_until(lambda: service(centre).get("status", {}).get("readyRevision") == number,
               f"revision {number} answers")


def answer(centre, name="f"):
    got = requests.post(f"{centre.inference_url}/v2/models/{name}/infer", timeout=10, json={
        "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]})
    return got.json().get("outputs", got.json())


def shown(centre):
    """What `slipway services` says that answers."""
    return centre.cli("services").stdout


def test_a_service_follows_its_tag_until_it_is_rolled_back(slipway):
    slipway.cli("push", MODELS / "linear_a.onnx", "linear:v1")
    first = digest_of(slipway, "linear:v1")
    slipway.cli("apply", "-f", "-", stdin=SERVICE)
    wait_for_revision(slipway, 1)
    of_first = answer(slipway)

    slipway.cli("push", MODELS / "linear_b.onnx", "linear:v1")
    second = digest_of(slipway, "linear:v1")
    wait_for_revision(slipway, 2)
    assert answer(slipway) != of_first
    assert second[:19] in shown(slipway) and first[:19] not in shown(slipway)

    back = slipway.cli("rollback", "f")
    assert first in back.stdout and "follows its tag no more" in back.stderr
    assert answer(slipway) == of_first
    assert service(slipway)["spec"].get("follow", False) is False
    assert first[:19] in shown(slipway)
    # A tag that moves changes nothing any more.
    slipway.cli("push", MODELS / "identity.onnx", "linear:v1")
    slipway.cli("upgrade", "f", f"linear@{second}")
    assert second[:19] in shown(slipway)


def test_a_tag_that_is_gone_leaves_its_service_where_it_is(slipway):
    slipway.cli("push", MODELS / "linear_a.onnx", "linear:v1")
    slipway.cli("apply", "-f", "-", stdin=SERVICE)
    wait_for_revision(slipway, 1)
    slipway.cli("push", MODELS / "linear_b.onnx", "linear:v1")
    wait_for_revision(slipway, 2)
    before = answer(slipway)
    gone = requests.delete(f"{slipway.api_url}/v2/default/linear/manifests/v1",
                           headers=slipway.headers, timeout=10)
    assert gone.status_code == 202
    # Anything that makes its controller plan anew.
    patched = requests.patch(f"{slipway.api_url}/api/v1/projects/default/services/f",
                             json={"metadata": {"labels": {"a": "b"}}}, timeout=10,
                             headers={**slipway.headers,
                                      "Content-Type": "application/merge-patch+json"})
    # The tag cannot be admitted again, and that is said; what runs stays.
    assert patched.status_code in (200, 400)
    now = service(slipway)
    assert now["status"]["latestRevision"] == 2
    assert answer(slipway) == before


def test_content_that_is_away_for_a_while_is_served_when_it_is_back(slipway, tmp_path):
    folder = tmp_path / "linear"
    folder.mkdir()
    shutil.copy(MODELS / "linear_a.onnx", folder / "model.onnx")
    (folder / "large.bin").write_bytes(bytes(300_000))  # a file of its own in the store
    slipway.cli("push", folder, "linear:v1")
    slipway.cli("deploy", "linear:v1", "--as", "f")
    before = answer(slipway)
    slipway.stop()
    data = slipway.data
    blobs = data / "blobs"
    away = data.parent / "blobs-away"
    blobs.rename(away)
    for unpacked in (data / "unpacked").iterdir():
        shutil.rmtree(unpacked)
    slipway.start()
    try:
        wait_until(lambda: service(slipway)["status"]["phase"] != "Ready"
                   and service(slipway)["status"]["conditions"][0].get("message"),
                   "the missing content is told")
    finally:
        shutil.copytree(away, blobs, dirs_exist_ok=True)
    wait_until(lambda: service(slipway)["status"]["phase"] == "Ready", "it serves again",
               timeout_s=120)
    assert answer(slipway) == before
