"""The package against the real program: models, services, inference, errors."""

import http.server
import json
import os
import subprocess
import sys
import threading

import numpy
import pytest

import programs
import slipway

MODELS = programs.ROOT / "tests/fixtures/models"
X = [[1.0, 2.0, 3.0, 4.0]]


def make_model(folder):
    folder.mkdir()
    (folder / "model.onnx").write_bytes((MODELS / "linear_a.onnx").read_bytes())
    (folder / "README.md").write_text("# Linear\n")
    return folder


@pytest.mark.parametrize("form", [None, "ormb", "modelcar"])
def test_models_there_and_back(online, form):
    source = make_model(online / "source")
    name = f"python/there:{form or 'plain'}"
    saved = slipway.save(source, name, form=form)
    assert (saved.name, saved.changed, saved.format) == (name, True, "onnx")
    assert saved.digest.startswith("sha256:") and saved.files
    assert slipway.save(source, name, form=form).changed is False
    pushed = slipway.push(name)
    assert (pushed.digest, pushed.changed) == (saved.digest, True)
    assert slipway.push(source, name, form=form).changed is False
    assert slipway.remove(name) > 0
    assert slipway.list() == []
    pulled = slipway.pull(name)
    assert (pulled.digest, pulled.changed) == (saved.digest, True)
    assert pulled.transferred_bytes == sum(file.size_bytes for file in saved.files)
    exported = slipway.export(name, online / "out")
    assert exported.digest == saved.digest
    inside = {"ormb": "model/", "modelcar": "models/"}.get(form, "")
    assert inside + "model.onnx" in exported.files
    assert ((online / "out" / inside / "model.onnx").read_bytes() ==
            (source / "model.onnx").read_bytes())


def test_names_in_the_local_store(user):
    source = make_model(user / "source")
    saved = slipway.save(source, "risk/fraud:v1")
    tagged = slipway.tag("risk/fraud:v1", "risk/fraud:stable")
    assert (tagged.name, tagged.digest, tagged.changed) == ("risk/fraud:stable", saved.digest, True)
    slipway.save(MODELS / "linear_b.onnx", "other:v1")
    assert [model.name for model in slipway.list()] == ["risk/fraud:v1", "risk/fraud:stable",
                                                        "default/other:v1"]
    assert [model.name for model in slipway.list("other")] == ["default/other:v1"]
    shown = slipway.inspect("risk/fraud:stable", local=True)
    assert [file.path for file in shown.files] == ["README.md", "model.onnx"]
    assert shown.inputs == [{"name": "x", "datatype": "FP32", "shape": [1, 4]}]
    slipway.remove("risk/fraud:v1", "risk/fraud:stable")
    assert [model.name for model in slipway.list()] == ["default/other:v1"]


def test_names_at_the_registry(online):
    pushed = slipway.push(make_model(online / "source"), "remote:v1")
    assert slipway.tag("remote:v1", "remote:stable", remote=True).changed is True
    assert slipway.inspect("remote:stable").digest == pushed.digest
    slipway.remove("remote:stable", remote=True)
    with pytest.raises(slipway.NotFound) as missing:
        slipway.inspect("remote:stable")
    assert missing.value.code == "NOT_FOUND"


def test_errors_carry_code_reason_and_message(user):
    with pytest.raises(slipway.InvalidArgument) as wrong:
        slipway.save(MODELS / "linear_a.onnx", "fraud")
    assert wrong.value.reason == "REFERENCE_INVALID"
    assert "fraud:TAG" in wrong.value.message
    with pytest.raises(slipway.NotFound) as missing:
        slipway.remove("fraud:v1")
    assert missing.value.reason == "MODEL_UNKNOWN"
    with pytest.raises(slipway.NotFound):
        slipway.save(user / "nothing", "fraud:v1")
    (user / "bad").mkdir()
    (user / "bad/model.yaml").write_text("metrics: {a: [{name: b, value: [1]}]}\n")
    with pytest.raises(slipway.InvalidArgument) as wrong:
        slipway.save(user / "bad", "fraud:v1")
    assert wrong.value.reason == "METADATA_INVALID"
    assert wrong.value.details["field"] == "metrics.a[0].value"
    # What begins with a dash is a name, never an option.
    with pytest.raises(slipway.InvalidArgument) as wrong:
        slipway.pull("--help")
    assert wrong.value.reason == "REFERENCE_INVALID"
    with pytest.raises(slipway.InvalidArgument) as wrong:
        slipway.save(MODELS / "linear_a.onnx", "fraud:v1", form="zip")
    assert wrong.value.reason == "USAGE"
    with pytest.raises(slipway.SlipwayError):
        slipway.login("127.0.0.1:1", "me", "secret")


def test_the_program_is_found_or_told(user, monkeypatch):
    monkeypatch.setenv("SLIPWAY_BINARY", str(user / "no-such-program"))
    with pytest.raises(slipway.FailedPrecondition) as missing:
        slipway.list()
    assert missing.value.reason == "PROGRAM_MISSING"
    monkeypatch.delenv("SLIPWAY_BINARY")
    monkeypatch.setenv("PATH", str(programs.BINARY.parent))
    assert slipway.list() == []
    other = user / "other"
    other.write_text("#!/bin/sh\necho hello\n")
    other.chmod(0o755)
    monkeypatch.setenv("SLIPWAY_BINARY", str(other))
    with pytest.raises(slipway.Internal) as wrong:
        slipway.list()
    assert wrong.value.reason == "PROGRAM_ANSWER"
    other.write_text("#!/bin/sh\necho broken >&2\nexit 9\n")
    with pytest.raises(slipway.Internal, match="status 9.*broken"):
        slipway.list()


@pytest.fixture(scope="module")
def linear(centre):
    """A service with the fixture's model."""
    centre.cli("push", MODELS / "linear_a.onnx", "linear:a")
    centre.cli("deploy", "linear:a")
    return "linear"


def test_services_and_inference(online, centre, linear):
    found = {service.name: service for service in slipway.services()}
    assert found[linear].phase == "Ready"
    assert found[linear].model.startswith("default/linear:a@sha256:")
    assert found[linear].revision == 1 and found[linear].project == "default"
    body = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": X[0]}]}
    expected = json.loads(centre.cli("infer", linear, "--input", "-", "-o", "json",
                                     stdin=json.dumps(body)).stdout)["outputs"][0]
    answer = slipway.infer(linear, {"x": X})
    name = expected["name"]
    assert (answer.model, answer.version) == (linear, "1")
    assert answer[name] == [expected["data"]] and answer.datatypes[name] == "FP32"
    whole = slipway.infer(linear, {"x": [[1, 2, 3, 4]]}, outputs=[name])
    assert whole[name] == answer[name], "the service says what type an input has"
    array = slipway.infer(linear, {"x": numpy.array(X, dtype="float32")}, version="1")
    assert array[name].dtype == numpy.float32 and array[name].tolist() == answer[name]
    tensor = slipway.infer(linear, {"x": slipway.Tensor(X[0], "FP32", (1, 4))},
                           url=centre.inference_url)
    assert tensor[name] == answer[name]


def test_inference_errors(online, centre, linear):
    with pytest.raises(slipway.NotFound) as missing:
        slipway.infer("nobody", {"x": X})
    assert missing.value.reason == "INFERENCE_REFUSED" and "nobody" in missing.value.message
    with pytest.raises(slipway.InvalidArgument) as uneven:
        slipway.infer(linear, {"x": [[1.0], [2.0, 3.0]]})
    assert uneven.value.reason == "SHAPE_UNEVEN"
    with pytest.raises(slipway.InvalidArgument) as wrong:
        slipway.infer(linear, {"x": [[1.0, 2.0]]})
    assert wrong.value.reason == "INFERENCE_REFUSED"
    with pytest.raises(slipway.InvalidArgument):
        slipway.infer(linear, {"x": numpy.array(X, dtype="complex64")})
    with pytest.raises(slipway.Unavailable):
        slipway.infer(linear, {"x": X}, url="http://127.0.0.1:1")


class Silent(http.server.BaseHTTPRequestHandler):
    """A data plane that is none."""

    def do_POST(self):  # pylint: disable=invalid-name
        body = {"/v2/models/text/infer": b"hello", "/v2/models/empty/infer": b"{}"}.get(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if body else 500)
        self.end_headers()
        self.wfile.write(body or b"<html>")

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


def test_what_is_no_data_plane(user):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    x = {"x": slipway.Tensor([1], "INT64", (1,))}
    try:
        for name, reason in (("text", "ANSWER_INVALID"), ("empty", "ANSWER_INVALID"),
                             ("other", "INFERENCE_REFUSED")):
            with pytest.raises(slipway.Internal) as wrong:
                slipway.infer(name, x, url=url)
            assert wrong.value.reason == reason
    finally:
        server.shutdown()
        server.server_close()


def test_without_numpy(online, linear):
    code = ("import sys; sys.modules['numpy'] = None; import slipway; "
            f"print(slipway.infer({linear!r}, {{'x': {X!r}}}).outputs)")
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True,
                          check=False,
                          env={**os.environ, "PYTHONPATH": str(programs.ROOT / "sdk/python/src")})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{")
