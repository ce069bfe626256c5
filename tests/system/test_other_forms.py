"""Models that ormb and KitOps pushed: shown, pulled, served; and metadata of our own packages."""

import gzip
import io
import json
import re
import tarfile

import pytest
import requests

import other_tools
import programs

MODELS = programs.ROOT / "tests/fixtures/models"
REQUEST = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32",
                                  "data": [1, 2, 3, 4]}]})
ORMB = {"author": "Ada", "description": "a line", "tags": ["demo"], "labels": {"team": "risk"},
        "format": "ONNX", "framework": "PyTorch",
        "metrics": {"training": [{"name": "acc", "value": "0.93"}]},
        "hyperParameters": [{"name": "lr", "value": "0.1"}],
        "signature": {"inputs": [{"name": "x", "size": [-1, 4], "dType": "float32"}],
                      "outputs": [{"name": "y", "size": [-1, 4], "dType": "float32"}],
                      "layers": {"Gemm": 1}}}


@pytest.fixture(scope="module")
def centre(slipway_module):
    return slipway_module


def inspect(centre, reference):
    return json.loads(centre.cli("inspect", reference, "-o", "json").stdout)


def answer(centre, service):
    done = centre.cli("infer", service, "--input", "-", "-o", "json", stdin=REQUEST)
    return json.loads(done.stdout)["outputs"][0]["data"]


def served_as(centre, name, reference):
    centre.cli("deploy", reference, "--as", name)
    centre.cli("push", MODELS / "linear_a.onnx", "plain:a")
    centre.cli("deploy", "plain:a", "--as", f"{name}-plain")
    assert answer(centre, name) == answer(centre, f"{name}-plain")


def test_ormb_artifact_is_shown_pulled_and_served(centre, tmp_path):
    model = (MODELS / "linear_a.onnx").read_bytes()
    digest = other_tools.push_ormb(centre, "default/fromormb", "v1", ORMB,
                                   {"model.onnx": model, "assets/labels.txt": b"a\nb\n"})
    shown = inspect(centre, "fromormb:v1")
    assert shown["digest"] == digest
    assert shown["format"] == "onnx"
    assert [tensor["name"] for tensor in shown["inputs"]] == ["x"]
    assert shown["inputs"][0]["datatype"] == "FP32"
    metadata = shown["metadata"]
    assert metadata["source"] == "ormbfile.yaml"
    assert metadata["authors"] == ["Ada"]
    assert metadata["framework"] == "PyTorch"
    assert metadata["metrics"]["training"] == [{"name": "acc", "value": "0.93"}]
    assert metadata["hyperParameters"] == [{"name": "lr", "value": "0.1"}]
    assert metadata["labels"] == {"team": "risk"}

    centre.cli("pull", "fromormb:v1", tmp_path / "out")
    assert (tmp_path / "out/model/model.onnx").read_bytes() == model
    assert (tmp_path / "out/model/assets/labels.txt").read_bytes() == b"a\nb\n"
    exported = (tmp_path / "out/ormbfile.yaml").read_text()
    assert "author: Ada" in exported and "format: ONNX" in exported
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model", "ormbfile.yaml"]
    served_as(centre, "fromormb", "fromormb:v1")


def test_other_formats_of_ormb_are_kept_and_not_deployed(centre, tmp_path):
    other_tools.push_ormb(centre, "default/rules", "v1", {"format": "PMML"},
                          {"model.pmml": b"<PMML/>"})
    assert inspect(centre, "rules:v1")["format"] == "pmml"
    done = centre.cli("deploy", "rules:v1", check=False)
    assert done.returncode != 0
    assert "pmml" in done.stderr and "onnx" in done.stderr
    centre.cli("pull", "rules:v1", tmp_path / "out")
    assert (tmp_path / "out/model/model.pmml").read_bytes() == b"<PMML/>"


def test_a_python_model_says_what_its_interpreter_lacks(start_centre, tmp_path):
    centre = start_centre(environment={"SLIPWAY_PYTHON": "/usr/bin/python3"})
    other_tools.push_ormb(centre, "default/sk", "v1", {"format": "SKLearn"},
                          {"model.joblib": b"joblib"})
    assert inspect(centre, "sk:v1")["format"] == "joblib"
    done = centre.cli("deploy", "sk:v1", check=False)
    assert done.returncode != 0
    # One of the two is not there, or the content is no joblib.
    assert re.search("SLIPWAY_PYTHON|joblib", done.stderr), done.stderr
    centre.cli("pull", "sk:v1", tmp_path / "out")
    assert (tmp_path / "out/model/model.joblib").read_bytes() == b"joblib"


@pytest.mark.parametrize("recent", [True, False], ids=["recent", "old"])
@pytest.mark.parametrize("suffix", ["tar", "tar+gzip"])
def test_modelkit_is_shown_pulled_and_served(centre, tmp_path, suffix, recent):
    model = (MODELS / "linear_a.onnx").read_bytes()
    kitfile = {"manifestVersion": "1.0.0",
               "package": {"name": "kit", "version": "2.0", "authors": ["Grace"]},
               "model": {"name": "line", "path": "./models/line.onnx", "framework": "torch",
                         "license": "MIT", "parameters": {"epochs": 3}},
               "datasets": [{"name": "points", "path": "data/points.csv"}],
               "docs": [{"path": "README.md"}]}
    inside = (lambda folder: folder) if recent else (lambda folder: "")
    name = f"kit-{suffix.replace('+', '-')}-{'recent' if recent else 'old'}"
    other_tools.push_kit(centre, f"default/{name}", "v1", json.loads(json.dumps(kitfile)), [
        ("model", {inside("models/") + "line.onnx": model}, suffix),
        ("dataset", {inside("data/") + "points.csv": b"1,2\n"}, suffix),
        ("docs", {"README.md": b"# Line\n"}, suffix)], name_digests=recent)
    shown = inspect(centre, f"{name}:v1")
    assert shown["format"] == "onnx"
    metadata = shown["metadata"]
    assert metadata["source"] == "Kitfile"
    assert (metadata["name"], metadata["version"]) == ("kit", "2.0")
    assert metadata["licenses"] == ["MIT"]
    assert metadata["datasets"] == ["points"]
    assert metadata["hyperParameters"] == [{"name": "epochs", "value": 3}]

    out = tmp_path / "out"
    centre.cli("pull", f"{name}:v1", out)
    assert (out / "models/line.onnx").read_bytes() == model
    assert (out / "data/points.csv").read_bytes() == b"1,2\n"
    assert (out / "README.md").read_bytes() == b"# Line\n"
    assert "name: kit" in (out / "Kitfile").read_text()
    served_as(centre, name, f"{name}:v1")


def evil_layers():
    link = tarfile.TarInfo("model/evil")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    yield "symbolic link", link
    hard = tarfile.TarInfo("model/evil")
    hard.type, hard.linkname = tarfile.LNKTYPE, "model/model.onnx"
    yield "hard link", hard
    device = tarfile.TarInfo("model/evil")
    device.type = tarfile.CHRTYPE
    yield "device", device
    yield "leads out", tarfile.TarInfo("model/../../evil")
    yield "absolute", tarfile.TarInfo("/tmp/evil")
    yield "same path", tarfile.TarInfo("model/MODEL.onnx")
    yield "twice", tarfile.TarInfo("model/model.onnx")


@pytest.mark.parametrize("words,entry", list(evil_layers()),
                         ids=lambda value: str(value).split()[0])
def test_evil_archives_leave_nothing(centre, tmp_path, words, entry):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        model = tarfile.TarInfo("model/model.onnx")
        tar.addfile(model, io.BytesIO())
        tar.addfile(entry, io.BytesIO())
    pusher = other_tools.Pusher(centre, "default/evil")
    tag = words.split()[0]
    pusher.manifest({
        "schemaVersion": 2,
        "config": pusher.blob(json.dumps({"format": "ONNX"}).encode(), other_tools.ORMB_CONFIG),
        "layers": [pusher.blob(gzip.compress(out.getvalue()), "application/tar+gzip")]}, tag)
    done = centre.cli("pull", f"evil:{tag}", tmp_path / "out", check=False)
    assert done.returncode != 0
    assert words in done.stderr and entry.name.split("/")[-1] in done.stderr
    assert [path for path in (tmp_path / "out").iterdir() if path.name != ".slipway-partial"] == []
    assert not (tmp_path / "evil").exists()


def version_of(centre, digest):
    """The ModelVersion of a manifest once its files have been looked at."""
    def find():
        shown = json.loads(centre.cli("get", "modelversions", "-o", "json").stdout)
        return [item for item in shown["items"] if item["spec"]["manifestDigest"] == digest
                and item["status"].get("phase")]
    return programs.wait_until(find, f"the version of {digest}", timeout_s=60)[0]


def test_what_is_wrong_with_a_pushed_package_is_told(centre):
    pusher = other_tools.Pusher(centre, "default/wrong")
    evil = io.BytesIO()
    with tarfile.open(fileobj=evil, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../evil"))
    config = pusher.blob(json.dumps({"format": "ONNX", "author": "Ada"}).encode(),
                         other_tools.ORMB_CONFIG)
    digest = pusher.manifest({
        "schemaVersion": 2, "config": config,
        "layers": [pusher.blob(gzip.compress(evil.getvalue()), "application/tar+gzip")]}, "v1")
    status = version_of(centre, digest)["status"]
    assert status["phase"] == "Failed"
    assert status["conditions"][0]["reason"] == "PATH_INVALID"
    assert "'../evil'" in status["conditions"][0]["message"]
    assert status["metadata"]["authors"] == ["Ada"]

    layer = pusher.blob(b"title: [1]\n", "application/vnd.cncf.model.weight.config.v1.raw")
    layer["annotations"] = {"org.cncf.model.filepath": "model.yaml"}
    digest = pusher.manifest({
        "schemaVersion": 2, "artifactType": "application/vnd.cncf.model.manifest.v1+json",
        "config": pusher.blob(json.dumps({"descriptor": {"vendor": "V"}}).encode(),
                              "application/vnd.cncf.model.config.v1+json"),
        "layers": [layer]}, "v2")
    status = version_of(centre, digest)["status"]
    assert status["metadata"]["source"] == "config"
    assert status["metadata"]["vendor"] == "V"
    told = {condition["type"]: condition for condition in status["conditions"]}["MetadataRead"]
    assert "model.yaml: title: expected a string" in told["message"]


def test_metadata_of_our_own_packages(centre, tmp_path):
    folder = tmp_path / "fraud"
    folder.mkdir()
    (folder / "model.onnx").write_bytes((MODELS / "linear_a.onnx").read_bytes())
    (folder / "README.md").write_text("# Fraud\n")
    (folder / "model.yaml").write_text("title: Fraud\nauthors: [Ada]\nlicenses: [MIT]\n"
                                       "metrics: {validation: [{name: acc, value: 0.9}]}\n")
    centre.cli("push", folder, "meta:v1")
    shown = inspect(centre, "meta:v1")
    assert shown["metadata"]["source"] == "model.yaml"
    assert shown["metadata"]["metrics"]["validation"] == [{"name": "acc", "value": 0.9}]
    assert "Fraud" in centre.cli("inspect", "meta:v1").stdout
    # The file travels as it is, and the fields of ModelPack's config are filled from it.
    centre.cli("pull", "meta:v1", tmp_path / "out")
    assert (tmp_path / "out/model.yaml").read_text() == (folder / "model.yaml").read_text()
    manifest = requests.get(f"{centre.api_url}/v2/default/meta/manifests/v1",
                            headers=centre.headers, timeout=30).json()
    config = requests.get(f"{centre.api_url}/v2/default/meta/blobs/{manifest['config']['digest']}",
                          headers=centre.headers, timeout=30).json()
    assert config["descriptor"] == {"title": "Fraud", "authors": ["Ada"], "licenses": ["MIT"]}

    (folder / "model.yaml").write_text("metrics: {validation: [{name: acc, value: [1]}]}\n")
    done = centre.cli("push", folder, "meta:v2", check=False)
    assert done.returncode != 0
    assert "model.yaml: metrics.validation[0].value: expected a number" in done.stderr
