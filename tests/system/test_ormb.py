"""`slipway ormb ...`: ormb's command line and its lines, for scripts and pods that know it."""

import gzip
import io
import json
import os
import re
import subprocess
import sys
import tarfile

import pytest

import other_tools
import programs

MODELS = programs.ROOT / "tests/fixtures/models"
SDK = programs.ROOT / "sdk/python/src"
USAGE, MISSING, NOT_ALLOWED = 2, 3, 5


@pytest.fixture(name="centre", scope="module")
def control_centre(slipway_module):
    return slipway_module


@pytest.fixture(name="ormb")
def command_line(centre, tmp_path):
    """Runs ormb, in a home of its own, signed in to the control centre's registry."""
    home = tmp_path / "home"
    home.mkdir()

    def run(*words, check=True, stdin=None, environment=None, program="ormb"):
        link = tmp_path / program
        if not link.is_symlink():
            link.symlink_to(centre.binary)
        done = subprocess.run([str(link), *map(str, words)], input=stdin, text=True, check=False,
                              capture_output=True, timeout=120, cwd=tmp_path,
                              env={**centre.environment, "HOME": str(home), **(environment or {})})
        if check:
            assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    run("login", host_of(centre), "-u", "any", "--password-stdin", stdin=centre.token + "\n")
    return run


def host_of(centre):
    return centre.api_url.removeprefix("http://")


def make_model(folder, ormbfile="author: Ada\nformat: ONNX\n"):
    (folder / "model").mkdir(parents=True)
    (folder / "model/model.onnx").write_bytes((MODELS / "linear_a.onnx").read_bytes())
    if ormbfile:
        (folder / "ormbfile.yaml").write_text(ormbfile)
    return folder


def block(reference, layer, size, form="ONNX"):
    return (f"ref:       {reference}\ndigest:    {layer}\nsize:      {size}\n"
            f"format:    {form}\n")


def saved(ormb, folder, reference):
    """Saves it; returns the layer's digest and the size that was printed."""
    lines = ormb("save", folder, reference).stdout.splitlines()
    return lines[1].split()[1], lines[2].split()[1]


def test_each_verb_prints_ormb_s_lines(centre, ormb, tmp_path):
    host = host_of(centre)
    folder = make_model(tmp_path / "in")
    short, full = f"{host}/fraud:v1", f"{host}/fraud/fraud:v1"
    done = ormb("save", folder, short)
    layer, size = re.search(r"digest:    ([0-9a-f]{64})\nsize:      ([0-9.]+K?B)\n",
                            done.stdout).groups()
    assert done.stdout == block(full, layer, size) + "v1: saved\n" and done.stderr == ""
    assert ormb("push", short).stdout == (
        f"The push refers to repository [{host}/fraud/fraud]\n" + block(full, layer, size)
        + f"v1: pushed to remote (1 layer, {size} total)\n")
    table = ormb("models").stdout.splitlines()
    assert re.split(r"\s{2,}", table[0].strip()) == ["REPOSITORY", "TAG", "MODEL ID", "CREATED",
                                                     "SIZE"]
    cells = re.split(r"\s{2,}", table[1].strip())
    assert cells[:3] + cells[4:] == [f"{host}/fraud/fraud", "v1", layer[:12], size]
    assert cells[3].endswith(" ago")
    assert ormb("pull", short).stdout == (
        f"v1: Pulling from {host}/fraud/fraud\n" + block(full, layer, size)
        + f"Status: Model is up to date for {full}\n")
    assert ormb("tag", short, f"{host}/fraud:v2").stdout == f"{full}: tagged\n"
    assert ormb("tag", short, short).stdout == ""
    assert ormb("remove", short).stdout == "v1: removed\n"
    assert ormb("pull", short).stdout.endswith(f"Status: Downloaded newer model for {full}\n")
    assert ormb("export", short, "-d", tmp_path / "out").stdout == block(full, layer, size)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model", "ormbfile.yaml"]
    assert (tmp_path / "out/model/model.onnx").read_bytes() == (
        folder / "model/model.onnx").read_bytes()
    assert "author: Ada" in (tmp_path / "out/ormbfile.yaml").read_text()


def test_what_it_pushes_is_an_artifact_of_ormb_s(centre, ormb, tmp_path):
    layer, _ = saved(ormb, make_model(tmp_path / "in"), f"{host_of(centre)}/team/plain:v1")
    ormb("push", f"{host_of(centre)}/team/plain:v1")
    pusher = other_tools.Pusher(centre, "team/plain")
    answer = pusher.session.get(f"{pusher.url}/manifests/v1")
    assert answer.headers["Content-Type"] == other_tools.MANIFEST_TYPE
    manifest = answer.json()
    assert sorted(manifest) == ["config", "layers", "schemaVersion"]
    assert manifest["config"]["mediaType"] == other_tools.ORMB_CONFIG
    [found] = manifest["layers"]
    assert found["mediaType"] == "application/tar+gzip" and found["digest"] == f"sha256:{layer}"
    config = pusher.session.get(f"{pusher.url}/blobs/{manifest['config']['digest']}").json()
    assert config["author"] == "Ada" and config["created"] == "0001-01-01T00:00:00Z"
    assert config["directoryStructure"] == ["model/model.onnx"]
    content = pusher.session.get(f"{pusher.url}/blobs/sha256:{layer}").content
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as tar:
        assert tar.getnames() == ["model/model.onnx"]


def test_what_ormb_pushed_is_pulled(centre, ormb, tmp_path):
    model = (MODELS / "linear_a.onnx").read_bytes()
    other_tools.push_ormb(centre, "team/real", "v1", {"format": "SKLearn", "author": "Ada"},
                          {"m.joblib": b"joblib", "deep/notes.txt": b"x"})
    reference = f"{host_of(centre)}/team/real:v1"
    assert "format:    SKLearn\n" in ormb("pull", reference).stdout
    ormb("export", reference, f"--destination={tmp_path / 'out'}")
    assert (tmp_path / "out/model/deep/notes.txt").read_bytes() == b"x"
    # What is no model of ormb's gets no name here.
    centre.cli("push", MODELS / "linear_a.onnx", "team/pack:v1")
    done = ormb("pull", f"{host_of(centre)}/team/pack:v1", check=False)
    assert done.returncode != 0 and "not made by ormb" in done.stderr
    assert "team/pack" not in ormb("models").stdout and len(model) > 0


def test_a_folder_without_ormbfile(centre, ormb, tmp_path):
    folder = make_model(tmp_path / "in", ormbfile="")
    assert "format:    ONNX\n" in ormb("save", folder, f"{host_of(centre)}/inferred:v1").stdout
    assert sorted(path.name for path in folder.iterdir()) == ["model"]
    (folder / "model/second.onnx").write_bytes((MODELS / "linear_b.onnx").read_bytes())
    done = ormb("save", folder, f"{host_of(centre)}/inferred:v2", check=False)
    assert done.returncode != 0 and "onnx" in done.stderr.lower()


def test_errors(centre, ormb, tmp_path):
    host = host_of(centre)
    for words in (("push", f"{host}/none:v1"), ("export", f"{host}/none:v1"),
                  ("remove", f"{host}/none:v1"), ("tag", f"{host}/none:v1", f"{host}/x:v1")):
        done = ormb(*words, check=False)
        assert done.returncode == MISSING
        assert f"Model not found: {host}/none/none:v1" in done.stderr
    done = ormb("pull", f"{host}/a/b", check=False)
    assert done.returncode == USAGE and "tag explicitly required" in done.stderr
    for reference in ("UPPER:v1", f"{host}/a:..", "a b:v1", f"{host}//x:v1", "x@sha256:12"):
        done = ormb("remove", reference, check=False)
        assert done.returncode == USAGE and "invalid reference" in done.stderr, reference
    done = ormb("login", host, "-u", "any", "-p", "wrong", check=False)
    assert done.returncode == NOT_ALLOWED and "Login succeeded" not in done.stdout
    assert "WARNING! Using --password via the CLI is insecure. Use --password-stdin." in done.stderr
    done = ormb("save", tmp_path / "nowhere", f"{host}/x:v1", check=False)
    assert done.returncode == MISSING and "nowhere" in done.stderr
    assert ormb("unknown", check=False).returncode == USAGE


def test_login(centre, ormb, tmp_path):
    host = host_of(centre)
    done = ormb("login", host, "-u", "any", "-p", centre.token)
    assert done.stdout == "Login insecurely\nLogin succeeded\n"
    config = tmp_path / "home/.ormb/config.json"
    assert host in json.loads(config.read_text())["auths"]
    assert config.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "home/.docker").exists()
    done = ormb("login", host, "-u", "any", "--password-stdin", "--insecure=false",
                stdin=centre.token)
    assert done.stdout == "Login succeeded\n"
    assert centre.token not in done.stdout + done.stderr


def test_the_root_folder(centre, ormb, tmp_path):
    folder, reference = make_model(tmp_path / "in"), f"{host_of(centre)}/rooted:v1"
    config = tmp_path / "config.yaml"
    config.write_text(f"rootPath: {tmp_path / 'by-config'}\n")
    for words, environment, root in [
            ([], {"ORMB_ROOTPATH": str(tmp_path / "by-variable")}, "by-variable"),
            (["--config", config], {}, "by-config"), ([], {}, "home/.ormb")]:
        ormb(*words, "save", folder, reference, environment=environment)
        cache = tmp_path / root / "cache"
        assert json.loads((cache / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
        [entry] = json.loads((cache / "index.json").read_text())["manifests"]
        assert entry["annotations"]["org.opencontainers.image.ref.name"] == (
            f"{host_of(centre)}/rooted/rooted:v1")
        assert (cache / "blobs/sha256" / entry["digest"][7:]).is_file()


def test_small_verbs(ormb, centre):
    lines = ormb("version").stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "Version", "Git SHA", "Repo Root", "Go Version", "Go OS/Arch"]
    assert "complete" in ormb("completion", "bash").stdout
    assert ormb("completion", "zsh").stdout.startswith("#compdef ormb\n")
    assert ormb("completion", "fish", check=False).returncode == USAGE
    assert ormb("--log-level", "6", "models").stdout.startswith("REPOSITORY")
    assert centre.cli("ormb", "version").stdout.splitlines() == lines


def initialise(ormb, centre, reference, folder, *options, root, **environment):
    return ormb("pull-and-export", reference, folder, *options,
                program="ormb-storage-initializer",
                environment={"ORMB_USERNAME": "any", "ORMB_PASSWORD": centre.token,
                             "ROOTPATH": str(root), **environment})


def test_storage_initializer(centre, ormb, tmp_path):
    other_tools.push_ormb(centre, "team/pod", "v1", {"format": "SavedModel"},
                          {"saved_model.pb": b"pb", "variables/v": b"v"})
    reference, root = f"{host_of(centre)}/team/pod:v1", tmp_path / "root"
    folder = tmp_path / "mnt"
    for _ in range(2):  # a pod that starts again
        out = initialise(ormb, centre, reference, folder, root=root).stdout
        assert f"Using {root} as the root path\n" in out and "Login succeeded\n" in out
        assert f"v1: Pulling from {host_of(centre)}/team/pod\n" in out
        assert sorted(path.name for path in folder.iterdir()) == ["1", "ormbfile.yaml"]
        assert (folder / "1/variables/v").read_bytes() == b"v"
    assert (root / "cache/index.json").is_file()
    initialise(ormb, centre, reference, tmp_path / "plain", "--relayout=false", root=root)
    assert (tmp_path / "plain/model/saved_model.pb").read_bytes() == b"pb"
    done = ormb("pull-and-export", reference, tmp_path / "x", check=False,
                program="ormb-storage-initializer",
                environment={"ORMB_USERNAME": "any", "ORMB_PASSWORD": "wrong",
                             "ROOTPATH": str(root)})
    assert done.returncode == NOT_ALLOWED and not (tmp_path / "x").exists()


def test_storage_initializer_of_mlflow(centre, ormb, tmp_path):
    other_tools.push_ormb(centre, "team/flow", "v1", {"format": "MLflow"},
                          {"MLmodel": b"flavors: {}\n", "data/m.pkl": b"p"})
    folder = tmp_path / "mnt"
    initialise(ormb, centre, f"{host_of(centre)}/team/flow:v1", folder, root=tmp_path / "root")
    assert sorted(path.name for path in folder.iterdir()) == ["MLmodel", "data", "ormbfile.yaml"]
    assert (folder / "data/m.pkl").read_bytes() == b"p"


# The Python module -----------------------------------------------------------------------------

SCRIPT = """
import os, sys
import ormb
host, token, source, target = sys.argv[1:]
ormb.login(host, "any", token, insecure=False)
ormb.save(source, f"{host}/team/python:v1")
ormb.push(f"{host}/team/python:v1")
ormb.remove(f"{host}/team/python:v1")
ormb.pull(f"{host}/team/python:v1")
ormb.export(f"{host}/team/python:v1", target)
for call, error in [
        (lambda: ormb.login(host, "any", "wrong", True), ormb.ORMBLoginError),
        (lambda: ormb.save("nowhere", "x:v1"), ormb.ORMBSaveError),
        (lambda: ormb.push(f"{host}/none:v1"), ormb.ORMBPushError),
        (lambda: ormb.pull(f"{host}/none:v1"), ormb.ORMBPullError),
        (lambda: ormb.export(f"{host}/none:v1", target), ormb.ORMBExportError),
        (lambda: ormb.remove("--help"), ormb.ORMBRemoveError),
        (lambda: ormb.remove(f"{host}/none:v1"), ormb.ORMBRemoveError)]:
    try:
        call()
    except error as problem:
        assert "failed with stderr:\\n" in str(problem), problem
        assert "slipway: " in str(problem), problem
    else:
        raise AssertionError(error)
os.environ["SLIPWAY_BINARY"] = "/nowhere/slipway"
try:
    ormb.remove("x:v1")
except ormb.ORMBRemoveError as problem:
    assert "SLIPWAY_BINARY" in str(problem)
else:
    raise AssertionError("no program")
"""


def test_python_module(centre, tmp_path):
    folder = make_model(tmp_path / "in")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, host_of(centre), centre.token, str(folder),
         str(tmp_path / "out")], text=True, capture_output=True, timeout=300, check=False,
        cwd=tmp_path, env={**centre.environment, "HOME": str(tmp_path), "PYTHONPATH": str(SDK),
                           "SLIPWAY_BINARY": str(centre.binary)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert os.listdir(tmp_path / "out/model") == ["model.onnx"]
