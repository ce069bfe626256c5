"""Models of TensorFlow, TensorFlow Lite, Paddle and OpenVINO give the frameworks' own numbers."""

import json
import shutil

import numpy
import pytest
import requests
import tritonclient.http

import programs

MODELS = programs.ROOT / "tests/fixtures/models/frameworks"
ANSWERS = json.loads((MODELS / "answers.json").read_text())
# What is pushed, its format, and what the framework calls the tensors.
NETWORKS = {
    "savedmodel": ("savedmodel", "x", "logits"),
    "frozen.pb": ("graphdef", "x:0", "Identity:0"),
    "network.tflite": ("tflite", "serving_default_x:0", "StatefulPartitionedCall:0"),
    "ir": ("openvino", "x", "logits"),
    "paddle": ("paddle", "x", None),
}
# Two matrix products of 8 and 4 terms in single precision, whose order is the engine's own.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}
FACE = programs.CACHE / "face_detection/0.6.0/face_detection_short_range.tflite"


def service_of(path):
    return path.replace(".", "-")


@pytest.fixture(scope="module")
def centre(slipway_module):
    for path in NETWORKS:
        slipway_module.cli("push", MODELS / path, f"{service_of(path)}:v1")
        slipway_module.cli("deploy", f"{service_of(path)}:v1")
    return slipway_module


def infer(centre, service, inputs):
    return requests.post(f"{centre.inference_url}/v2/models/{service}/infer", timeout=60,
                         json={"inputs": inputs})


def tensor(name, array, datatype="FP32"):
    return {"name": name, "datatype": datatype, "shape": list(array.shape),
            "data": array.flatten().tolist()}


@pytest.mark.parametrize("path", NETWORKS)
def test_the_numbers_are_the_frameworks(centre, path):
    name = service_of(path)
    model_format, input_name, output_name = NETWORKS[path]
    shown = json.loads(centre.cli("inspect", f"{name}:v1", "-o", "json").stdout)
    assert shown["format"] == model_format
    metadata = requests.get(f"{centre.inference_url}/v2/models/{name}", timeout=60).json()
    assert metadata["platform"] == "openvino"
    assert [i["name"] for i in metadata["inputs"]] == [input_name]
    assert metadata["inputs"][0]["shape"] == [-1, 4]
    if output_name:
        assert [o["name"] for o in metadata["outputs"]] == [output_name]
    inputs = numpy.array(ANSWERS["inputs"], dtype=numpy.float32)
    wanted = numpy.array(ANSWERS["outputs"][path], dtype=numpy.float32)
    for rows in (inputs, inputs[:1], inputs[2:4]):  # any length of the first dimension
        answer = infer(centre, name, [tensor(input_name, rows)])
        assert answer.status_code == 200, answer.text
        (output,) = answer.json()["outputs"]
        assert output["shape"] == [len(rows), 3]
        at = next(i for i in range(len(inputs)) if (inputs[i] == rows[0]).all())
        numpy.testing.assert_allclose(numpy.reshape(output["data"], (-1, 3)),
                                      wanted[at:at + len(rows)], **TOLERANCE)


def test_a_real_model_gives_the_frameworks_numbers(centre):
    centre.cli("push", FACE, "face:v1")
    centre.cli("deploy", "face:v1")
    image = numpy.random.default_rng(1).uniform(-1, 1, (1, 128, 128, 3)).astype(numpy.float32)
    client = tritonclient.http.InferenceServerClient(centre.inference_url.removeprefix("http://"))
    name = client.get_model_metadata("face")["inputs"][0]["name"]
    tensor_in = tritonclient.http.InferInput(name, image.shape, "FP32")
    tensor_in.set_data_from_numpy(image)
    answer = client.infer("face", [tensor_in])
    wanted = json.loads((MODELS / "face_detection.json").read_text())
    assert {o["name"] for o in answer.get_response()["outputs"]} == set(wanted)
    for name, rows in wanted.items():
        # Eighty layers in single precision; the largest of the numbers are a hundred or so.
        numpy.testing.assert_allclose(answer.as_numpy(name)[0, ::37], rows, rtol=1e-3, atol=1e-3)
    client.close()


def test_wrong_input_is_refused_by_name(centre):
    rows = numpy.zeros((2, 5), dtype=numpy.float32)
    answer = infer(centre, "savedmodel", [tensor("x", rows)])
    assert answer.status_code == 400 and "'x'" in answer.json()["error"], answer.text
    answer = infer(centre, "savedmodel", [tensor("y", rows)])
    assert answer.status_code == 400 and "'y'" in answer.json()["error"], answer.text
    # It answers as before.
    good = infer(centre, "savedmodel", [tensor("x", numpy.zeros((1, 4), dtype=numpy.float32))])
    assert good.status_code == 200


def broken(path, folder):
    """A copy of the model with what a truncated download leaves of it."""
    source = MODELS / path
    if source.is_file():
        content = source.read_bytes()
        (folder / source.name).write_bytes(content[:len(content) // 2])
        return folder / source.name
    shutil.copytree(source, folder / source.name)
    for part in ("variables/variables.index", "network.bin", "network.pdiparams"):
        (folder / source.name / part).unlink(missing_ok=True)
    return folder / source.name


@pytest.mark.parametrize("path", NETWORKS)
def test_what_cannot_be_loaded_is_refused_with_the_reason(centre, path, tmp_path):
    name = f"broken-{service_of(path)}"
    centre.cli("push", broken(path, tmp_path), f"{name}:v1")
    refused = centre.cli("deploy", f"{name}:v1", check=False)
    assert refused.returncode != 0
    assert "cannot load" in refused.stderr and "OpenVINO" in refused.stderr, refused.stderr
    # Neither the folders of this machine nor the library's sources.
    assert str(tmp_path) not in refused.stderr and ".cpp" not in refused.stderr, refused.stderr
    assert str(centre.folder) not in refused.stderr, refused.stderr


def test_an_upgrade_from_one_framework_to_another(centre):
    inputs = numpy.array(ANSWERS["inputs"], dtype=numpy.float32)
    centre.cli("push", MODELS / "savedmodel", "moving:v1")
    centre.cli("push", MODELS / "ir", "moving:v2")
    centre.cli("deploy", "moving:v1")
    centre.cli("upgrade", "moving", "moving:v2")
    answer = infer(centre, "moving", [tensor("x", inputs)])
    assert answer.json()["model_version"] == "2"
    numpy.testing.assert_allclose(
        numpy.reshape(answer.json()["outputs"][0]["data"], (-1, 3)),
        numpy.array(ANSWERS["outputs"]["ir"], dtype=numpy.float32), **TOLERANCE)


def test_a_model_repository_of_other_frameworks_is_served_as_it_is(start_serve, tmp_path):
    models = tmp_path / "models"
    shutil.copytree(MODELS / "savedmodel", models / "saved/1/model.savedmodel")
    (models / "saved/config.pbtxt").write_text('platform: "tensorflow_savedmodel"\n')
    shutil.copytree(MODELS / "paddle", models / "paddle/1")
    shutil.copy(MODELS / "network.tflite", models / "lite.tflite")
    serve = start_serve(models)
    inputs = numpy.array(ANSWERS["inputs"], dtype=numpy.float32)
    for name, path in (("saved", "savedmodel"), ("paddle", "paddle"), ("lite", "network.tflite")):
        answer = infer(serve, name, [tensor(NETWORKS[path][1], inputs)])
        assert answer.status_code == 200, answer.text
        numpy.testing.assert_allclose(
            numpy.reshape(answer.json()["outputs"][0]["data"], (-1, 3)),
            numpy.array(ANSWERS["outputs"][path], dtype=numpy.float32), **TOLERANCE)
