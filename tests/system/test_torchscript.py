"""TorchScript models by libtorch: the framework's numbers, the model's own errors, isolation.

Skipped where `make torch` has not built that engine.
"""

import concurrent.futures
import json
import shutil

import numpy
import onnxruntime
import pytest
import requests
import tritonclient.http

import programs

MODELS = programs.ROOT / "tests/fixtures/models/torch"
WEIGHT = numpy.array([[0.5, -1.0, 0.25], [1.5, 0.75, -0.5], [-0.25, 2.0, 1.0], [1.0, -0.5, 0.125]])
BIAS = numpy.array([0.125, -0.25, 0.5])
SILERO = programs.CACHE / "silero_vad/6.2.3"
RATE, CHUNK, CONTEXT = 16_000, 512, 64

pytestmark = pytest.mark.skipif(
    not (programs.BINARY.parent.parent / "lib/slipway/engine_torch.so").exists(),
    reason="libtorch: `make torch` has not built the engine")


def package(folder, model, method, inputs, outputs):
    """A folder with a copy of the model and a model.yaml that says what the method takes."""
    folder.mkdir()
    shutil.copy(model, folder / "model.pt")
    (folder / "model.yaml").write_text(json.dumps({
        "format": "torchscript",
        "signature": {"inputs": inputs, "outputs": outputs},
        "extensions": {"torchscript": {"method": method}}}))
    return folder


def deploy(centre, folder, name, *options):
    centre.cli("push", folder, f"{name}:v1")
    centre.cli("deploy", f"{name}:v1", *options)


def spec(name, dtype, shape):
    return {"name": name, "dtype": dtype, "shape": shape}


def infer(centre, service, *arrays, datatype="FP32"):
    inputs = [{"name": name, "datatype": datatype, "shape": list(array.shape),
               "data": array.ravel().tolist()} for name, array in arrays]
    return requests.post(f"{centre.inference_url}/v2/models/{service}/infer", timeout=60,
                         json={"inputs": inputs})


@pytest.mark.parametrize("isolation", ["shared", "process"])
def test_a_network_gives_its_numbers_for_any_batch(slipway_module, isolation):
    name = f"network-{isolation}"
    slipway_module.cli("push", MODELS / "network.pt", f"{name}:v1")
    slipway_module.cli("deploy", f"{name}:v1", "--isolation", isolation, "--max-batch", "16")
    metadata = requests.get(f"{slipway_module.inference_url}/v2/models/{name}", timeout=60).json()
    assert metadata["platform"] == "pytorch_libtorch"
    assert [i["name"] for i in metadata["inputs"]] == ["x"]
    assert [o["name"] for o in metadata["outputs"]] == ["logits"]

    def check(rows):
        x = numpy.random.default_rng(rows).uniform(-2, 2, (rows, 4)).astype(numpy.float32)
        answer = infer(slipway_module, name, ("x", x))
        assert answer.status_code == 200, answer.text
        # Four terms in single precision.
        numpy.testing.assert_allclose(
            numpy.reshape(answer.json()["outputs"][0]["data"], (rows, 3)),
            numpy.maximum(x @ WEIGHT + BIAS, 0), rtol=1e-5, atol=1e-5)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(check, [1, 3, 8, 16, 2, 1, 5, 1] * 4))


def test_texts_go_in_and_come_back(slipway_module, tmp_path):
    texts = [spec("x", "string", [-1])]
    deploy(slipway_module, package(tmp_path / "p", MODELS / "methods.pt", "texts", texts, texts),
           "texts")
    words = numpy.array([b"one", b"", "zwölf".encode()], dtype=object)
    client = tritonclient.http.InferenceServerClient(
        slipway_module.inference_url.removeprefix("http://"))
    sent = tritonclient.http.InferInput("x", [3], "BYTES")
    sent.set_data_from_numpy(words)
    assert client.infer("texts", [sent]).as_numpy("x").tolist() == words.tolist()
    client.close()


def test_an_error_of_the_model_is_the_answer(slipway_module, tmp_path):
    rows = [spec("x", "float32", [-1, 2])]
    deploy(slipway_module, package(tmp_path / "p", MODELS / "methods.pt", "fails", rows, rows),
           "fails")
    failed = infer(slipway_module, "fails", ("x", numpy.zeros((2, 2))))
    assert failed.status_code == 500 and "one row at a time" in failed.json()["error"], failed.text
    assert infer(slipway_module, "fails", ("x", numpy.zeros((1, 2)))).status_code == 200


def test_what_cannot_be_served_is_refused_with_the_reason(slipway_module, tmp_path):
    cases = {"unsafe": (MODELS / "unsafe.pt", "from_file"),
             "unsigned": (MODELS / "methods.pt", "model.yaml")}
    for name, (path, says) in cases.items():
        slipway_module.cli("push", path, f"{name}:v1")
        refused = slipway_module.cli("deploy", f"{name}:v1", check=False)
        assert refused.returncode != 0
        assert says in refused.stdout + refused.stderr


def speech_probabilities(audio):
    """What ONNX Runtime computes with the same network, chunk by chunk as its authors do."""
    session = onnxruntime.InferenceSession(SILERO / "silero_vad.onnx",
                                           providers=["CPUExecutionProvider"])
    state = numpy.zeros((2, len(audio), 128), dtype=numpy.float32)
    padded = numpy.pad(audio, ((0, 0), (CONTEXT, 0)))
    found = []
    for at in range(0, audio.shape[1], CHUNK):
        out, state = session.run(None, {"input": padded[:, at:at + CHUNK + CONTEXT],
                                        "state": state, "sr": numpy.array(RATE)})
        found.append(out)
    return numpy.concatenate(found, axis=1)


@pytest.mark.skipif(not SILERO.exists(), reason="libtorch: `make torch` has not brought the model")
def test_a_real_model_gives_the_numbers_of_its_twin(slipway_module, tmp_path):
    folder = package(tmp_path / "vad", SILERO / "silero_vad.jit", "audio_forward",
                     [spec("x", "float32", [-1, -1]), spec("sr", "int64", [1])],
                     [spec("speech", "float32", [-1, -1])])
    deploy(slipway_module, folder, "vad")
    client = tritonclient.http.InferenceServerClient(
        slipway_module.inference_url.removeprefix("http://"))
    rng = numpy.random.default_rng(4)
    for seconds in (1, 2):
        # A voice-like sound: a hundred-odd hertz with its overtones, swelling, in some noise.
        time = numpy.arange(seconds * RATE // CHUNK * CHUNK) / RATE
        voice = sum(numpy.sin(2 * numpy.pi * 130 * k * time) / k for k in range(1, 20))
        audio = (0.1 * voice * numpy.abs(numpy.sin(2 * numpy.pi * 3 * time))
                 + rng.normal(0, 0.01, time.shape)).astype(numpy.float32)[None]
        sound = tritonclient.http.InferInput("x", list(audio.shape), "FP32")
        sound.set_data_from_numpy(audio)
        rate = tritonclient.http.InferInput("sr", [1], "INT64")
        rate.set_data_from_numpy(numpy.array([RATE]))
        got = client.infer("vad", [sound, rate]).as_numpy("speech")
        wanted = speech_probabilities(audio)
        assert wanted.max() - wanted.min() > 0.01  # it says something of the sound
        # A recurrent network in single precision, whose state goes through 31 or 62 steps: 1e-6
        # apart.
        numpy.testing.assert_allclose(got, wanted, atol=1e-5)
    client.close()


def test_a_triton_repository_may_have_it(start_serve, tmp_path):
    """With names of its own for the tensors, which go by their order."""
    version = tmp_path / "models/net/1"
    version.mkdir(parents=True)
    shutil.copy(MODELS / "network.pt", version / "model.pt")
    (version / "model.yaml").write_text(json.dumps({"signature": {
        "inputs": [spec("INPUT__0", "float32", [-1, 4])],
        "outputs": [spec("OUTPUT__0", "float32", [-1, 3])]}}))
    (tmp_path / "models/net/config.pbtxt").write_text('platform: "pytorch_libtorch"\n'
                                                      'max_batch_size: 8\n')
    plane = start_serve(f"--model-repository={tmp_path / 'models'}")
    answer = infer(plane, "net", ("INPUT__0", numpy.ones((2, 4))))
    assert answer.status_code == 200, answer.text
    (output,) = answer.json()["outputs"]
    assert output["name"] == "OUTPUT__0" and output["data"] == [2.875, 1.0, 1.375] * 2
