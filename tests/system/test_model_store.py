"""The local store of models: `slipway model` on the real binary, with real registries and readers.

What is saved, pulled and exported are the same bytes under the same digests; many programs use one
store at a time; whoever is killed in the middle leaves nothing half done that has a name.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import pytest
import requests

import programs
from small_disk import MIB, small_disk

MODELS = programs.ROOT / "tests/fixtures/models"
FORMS = ["modelpack", "ormb", "modelcar"]
LIMIT_EXIT_CODE = 7
REF_NAME = "org.opencontainers.image.ref.name"


class Store:
    """A user with a local store, and with a control centre where one is given."""

    def __init__(self, folder, centre=None):
        self.folder = pathlib.Path(folder)
        self.models = self.folder / "models"
        self.centre = centre
        base = centre.environment if centre else {**os.environ, "HOME": str(self.folder)}
        self.environment = {**base, "SLIPWAY_MODELS": str(self.models)}

    def start(self, *arguments, environment=None):
        return subprocess.Popen([str(programs.BINARY), "model", *map(str, arguments)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                cwd=self.folder, env={**self.environment, **(environment or {})})

    def run(self, *arguments, check=True, environment=None, timeout_s=120):
        process = self.start(*arguments, environment=environment)
        out, err = process.communicate(timeout=timeout_s)
        if check:
            assert process.returncode == 0, f"{arguments}: {process.returncode}\n{out}{err}"
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "-o", "json").stdout)

    def names(self):
        return [item["name"] for item in self.json("list")["items"]]

    def blobs(self):
        return {path.name for path in (self.models / "blobs/sha256").iterdir()}

    def check(self):
        """Every name has all of its content, with the digests that it says; returns the names."""
        index = json.loads((self.models / "index.json").read_text())
        named = set()
        for entry in index["manifests"]:
            manifest = json.loads(self.content(entry))
            named.add(entry["digest"])
            for blob in [manifest["config"], *manifest["layers"]]:
                self.content(blob)
                named.add(blob["digest"])
        return index, {digest.partition(":")[2] for digest in named}

    def content(self, descriptor):
        content = (self.models / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
        assert hashlib.sha256(content).hexdigest() == descriptor["digest"].partition(":")[2]
        assert len(content) == descriptor["size"]
        return content


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture(scope="module")
def centre(slipway_module):
    return slipway_module


@pytest.fixture
def online(centre, tmp_path):
    return Store(tmp_path, centre)


def make_model(folder, size=300_000, seed=1):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    shutil.copy(MODELS / "linear_a.onnx", folder / "model.onnx")
    (folder / "data/weights.bin").write_bytes(random.Random(seed).randbytes(size))
    (folder / "README.md").write_text("# Linear\n")
    return folder


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file()}


@pytest.mark.parametrize("form", FORMS)
def test_there_and_back_in_every_form(online, centre, tmp_path, form):
    source = make_model(tmp_path / "source")
    saved = online.json("save", source, f"forms:{form}", "--form", form)
    assert saved["changed"] and saved["format"] == "onnx"
    online.check()
    # Pushed directly it is the same, and so is what comes back into another store.
    pushed = online.json("push", f"forms:{form}")
    assert (pushed["digest"], pushed["changed"]) == (saved["digest"], True)
    directly = online.json("push", source, f"forms:{form}-direct", "--form", form)
    assert directly["digest"] == saved["digest"]
    top = json.loads(centre.cli("push", source, f"forms:{form}", "--form", form,
                                "-o", "json").stdout)
    assert (top["digest"], top["changed"]) == (saved["digest"], False)
    other = Store(tmp_path / "other", centre)
    other.folder.mkdir()
    pulled = other.json("pull", f"forms:{form}")
    assert (pulled["digest"], pulled["changed"]) == (saved["digest"], True)
    assert pulled["downloadedBytes"] == sum(file["sizeBytes"] for file in saved["files"])
    again = other.json("pull", f"forms:{form}")
    assert (again["changed"], again["downloadedBytes"]) == (False, 0)
    assert other.blobs() == online.blobs()
    exported = other.json("export", f"forms:{form}", tmp_path / "out")
    files = tree(tmp_path / "out")
    assert sorted(exported["files"]) == sorted(files)
    inside = {"modelpack": "", "ormb": "model/", "modelcar": "models/"}[form]
    for path, content in tree(source).items():
        assert files[inside + path] == content
    assert not (tmp_path / "out/.slipway-partial").exists()


def test_list_tag_inspect_remove(store, tmp_path):
    assert store.names() == []
    assert "there are no models" in store.run("list").stderr
    source = make_model(tmp_path / "source")
    digest = store.json("save", source, "risk/fraud:v1")["digest"]
    store.run("save", MODELS / "linear_b.onnx", "reg.example:5000/a/b/linear:1")
    assert "saved" not in store.run("save", source, "risk/fraud:v1").stdout
    store.run("tag", "risk/fraud:v1", "risk/fraud:stable")
    assert store.json("tag", "risk/fraud:v1", "risk/fraud:stable")["changed"] is False
    assert store.names() == ["risk/fraud:v1", "reg.example:5000/a/b/linear:1",
                             "risk/fraud:stable"]
    item = store.json("list", "risk/fraud")["items"][1]
    assert {key: item[key] for key in ("repository", "tag", "digest", "format")} == {
        "repository": "risk/fraud", "tag": "stable", "digest": digest, "format": "onnx"}
    assert item["sizeBytes"] == sum(len(content) for content in tree(source).values())
    table = store.run("list").stdout.splitlines()
    assert table[0].split() == ["REPOSITORY", "TAG", "ID", "CREATED", "SIZE", "FORMAT"]
    assert digest.partition(":")[2][:12] in table[1]
    shown = store.json("inspect", "risk/fraud:stable", "--local")
    assert shown["digest"] == digest
    assert [file["path"] for file in shown["files"]] == sorted(tree(source))
    assert shown["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [1, 4]}]
    assert store.json("inspect", f"risk/fraud@{digest}", "--local")["digest"] == digest

    missing = store.run("remove", "risk/fraud:v1", "risk/fraud:v9", check=False)
    assert missing.returncode == 3 and "risk/fraud:v9" in missing.stderr
    assert len(store.names()) == 3
    store.run("remove", "risk/fraud:v1")
    assert len(store.blobs()) > 4
    removed = store.json("remove", "risk/fraud:stable", "reg.example:5000/a/b/linear:1")
    assert removed["freedBytes"] > item["sizeBytes"]
    assert store.names() == [] and store.blobs() == set()


def forget_name(store, name):
    """The entry stays, as other tools make it: without a name."""
    path = store.models / "index.json"
    index = json.loads(path.read_text())
    for entry in index["manifests"]:
        if entry["annotations"].get(REF_NAME) == name:
            del entry["annotations"][REF_NAME]
    path.write_text(json.dumps(index))


def test_what_has_no_name_goes_by_its_digest(online, centre, tmp_path):
    digest = online.json("save", MODELS / "linear_a.onnx", "linear:a")["digest"]
    online.run("save", MODELS / "linear_b.onnx", "linear:b")
    forget_name(online, "default/linear:a")
    short = digest.partition(":")[2][:12]
    row = online.run("list").stdout.splitlines()[1].split()
    assert row[:3] == ["<none>", "<none>", short]
    assert online.run("list", "-o", "name").stdout.splitlines() == [digest, "default/linear:b"]
    assert [item["digest"] for item in online.json("list", short)["items"]] == [digest]

    for text in (digest, short, digest[:30]):
        assert online.json("inspect", text, "--local")["digest"] == digest
        online.run("export", text, tmp_path / f"out-{text}")
        assert (tmp_path / f"out-{text}/linear_a.onnx").read_bytes() == (
            MODELS / "linear_a.onnx").read_bytes()
    assert online.run("inspect", short, "--local").stdout.startswith("<none>\n")
    assert digest in online.run("export", short).stdout
    assert (online.folder / short / "linear_a.onnx").exists()
    assert online.run("diff", short, "linear:b", "--local", "--exit-code",
                      check=False).returncode == 6
    promised = online.run("push", short, f"by-digest:v1@sha256:{'0' * 64}", check=False)
    assert promised.returncode == 2 and digest in promised.stderr
    nowhere = online.run("push", short, check=False)
    assert nowhere.returncode == 2 and "does not say where" in nowhere.stderr
    assert online.json("push", short, "by-digest:v1")["digest"] == digest
    assert json.loads(centre.cli("inspect", "by-digest:v1", "-o", "json").stdout)[
        "digest"] == digest
    online.run("tag", short, "linear:found")
    assert online.json("inspect", f"linear@{digest}", "--local")["name"] == "default/linear:found"

    removed = online.json("remove", digest)
    assert (removed["names"], removed["digests"]) == (["default/linear:found"], [digest])
    assert removed["freedBytes"] > 0
    assert online.names() == ["default/linear:b"]
    _, named = online.check()
    assert online.blobs() == named
    for verb in (("remove", digest), ("export", digest), ("tag", digest, "a:1"),
                 ("inspect", digest, "--local"), ("push", digest, "a:1")):
        gone = online.run(*verb, check=False)
        assert gone.returncode == 3 and digest in gone.stderr, gone.stderr


def test_a_digest_of_several_names_is_removed_with_force_alone(store):
    digest = store.json("save", MODELS / "linear_a.onnx", "risk/linear:v1")["digest"]
    store.run("tag", "risk/linear:v1", "risk/linear:v2")
    store.run("tag", "risk/linear:v1", "other/linear:v1")
    names = ["risk/linear:v1", "risk/linear:v2", "other/linear:v1"]
    for text, of_it in ((digest, names), (digest[7:19], names), (f"risk/linear@{digest}",
                                                                 names[:2])):
        refused = store.run("remove", text, check=False)
        assert refused.returncode == 6 and "--force" in refused.stderr
        assert [name for name in names if name in refused.stderr] == of_it
    assert store.names() == names
    assert store.json("remove", f"other/linear@{digest}")["names"] == names[2:]
    done = store.run("remove", f"risk/linear:v2@{digest}")
    assert "risk/linear:v2" in done.stdout and "risk/linear:v1" not in done.stdout
    store.run("tag", "risk/linear:v1", "risk/linear:v2")
    assert store.json("remove", digest, "risk/linear:v2", "--force")["names"] == names[:2]
    assert store.blobs() == set()
    assert store.run("remove", "a:v1", "--remote", "--force", check=False).returncode == 2


def test_the_beginning_of_two_digests_is_refused_with_both(store):
    """Twelve digits of two manifests are not found by trying: the index says so."""
    store.run("save", MODELS / "linear_a.onnx", "linear:a")
    path = store.models / "index.json"
    index = json.loads(path.read_text())
    digests = [f"sha256:{'5' * 20}{digit * 44}" for digit in "67"]
    index["manifests"] += [{**index["manifests"][0], "annotations": {}, "digest": digest}
                           for digest in digests]
    path.write_text(json.dumps(index))
    for act in (("remove", "5" * 12), ("export", "5" * 12), ("tag", "sha256:" + "5" * 20, "a:1")):
        refused = store.run(*act, check=False)
        assert refused.returncode == 2, refused.stderr
        assert all(digest in refused.stderr for digest in digests)
    assert len(json.loads(path.read_text())["manifests"]) == 3
    store.run("remove", "5" * 20 + "6")
    assert len(json.loads(path.read_text())["manifests"]) == 2


@pytest.mark.parametrize("words", [
    ("save", MODELS / "linear_a.onnx", "fraud"), ("save", MODELS / "linear_a.onnx", "Fraud:v1"),
    ("save", MODELS / "linear_a.onnx", "fraud:v1@sha256:" + "0" * 64), ("tag", "a:1", "b"),
    ("push", "fraud"), ("pull", "fraud"), ("export", "fraud"), ("remove", "fraud"),
    ("inspect", "fraud", "--local"), ("push", "fraud:v1", "--form", "ormb"),
    ("export", "a:1", "x", "-d", "y")], ids=str)
def test_names_without_a_tag_are_refused(store, words):
    done = store.run(*words, check=False)
    assert done.returncode == 2, done.stderr
    assert not store.models.exists()


def test_export_pulls_what_is_not_here(online, tmp_path):
    source = make_model(tmp_path / "source")
    online.run("push", source, "exported:v1")
    assert not online.models.exists()
    online.run("export", "exported:v1")
    assert tree(online.folder / "exported") == tree(source)
    assert online.names() == ["default/exported:v1"]
    gone = online.run("export", "exported:v9", check=False)
    assert gone.returncode == 3 and "exported:v9 is not in the local store" in gone.stderr


def test_remote_tags(online, centre, tmp_path):
    digest = online.json("push", make_model(tmp_path / "source"), "remote:v1")["digest"]
    assert online.json("tag", "remote:v1", "remote:stable", "--remote")["changed"] is True
    assert online.json("tag", "remote:v1", "remote:stable", "--remote")["changed"] is False
    assert json.loads(centre.cli("inspect", "remote:stable", "-o", "json").stdout)[
        "digest"] == digest
    other = online.run("tag", "remote:v1", "elsewhere:v1", "--remote", check=False)
    assert other.returncode == 2 and "model copy" in other.stderr
    wrong = online.run("remove", f"remote:stable@sha256:{'0' * 64}", "--remote", check=False)
    assert wrong.returncode != 0 and "nothing was removed" in wrong.stderr
    assert centre.cli("inspect", "remote:stable").returncode == 0
    online.run("remove", f"remote:stable@{digest}", "--remote")
    assert centre.cli("inspect", "remote:stable", check=False).returncode == 3
    assert centre.cli("inspect", "remote:v1").returncode == 0
    assert online.run("remove", "remote:stable", "--remote", check=False).returncode == 3


def test_pulls_what_is_no_model(online, centre):
    """An index with its manifests, as other tools push it, comes and goes byte for byte."""
    def put(repository, reference, content, media_type):
        done = requests.put(f"{centre.api_url}/v2/default/{repository}/manifests/{reference}",
                            data=content, headers={**centre.headers, "Content-Type": media_type},
                            timeout=30)
        assert done.status_code == 201, done.text
        return {"mediaType": media_type, "size": len(content),
                "digest": "sha256:" + hashlib.sha256(content).hexdigest()}

    children = []
    for layer in (b"one", b"two"):
        blobs = []
        for content in (b"{}", layer):
            digest = "sha256:" + hashlib.sha256(content).hexdigest()
            done = requests.post(f"{centre.api_url}/v2/default/images/blobs/uploads/",
                                 params={"digest": digest}, data=content, timeout=30,
                                 headers=centre.headers)
            assert done.status_code == 201
            blobs.append({"mediaType": "application/vnd.x.y", "digest": digest,
                          "size": len(content)})
        manifest = json.dumps({"schemaVersion": 2, "config": blobs[0], "layers": blobs[1:]},
                              indent=3).encode()
        digest = hashlib.sha256(manifest).hexdigest()
        children.append(put("images", f"sha256:{digest}", manifest,
                            "application/vnd.oci.image.manifest.v1+json"))
    index = json.dumps({"schemaVersion": 2, "manifests": children}, indent=1).encode()
    top = put("images", "all", index, "application/vnd.oci.image.index.v1+json")
    assert online.json("pull", "images:all")["digest"] == top["digest"]
    assert len(online.blobs()) == 6
    online.run("tag", "images:all", "copied:all")
    assert online.json("push", "copied:all")["digest"] == top["digest"]
    back = requests.get(f"{centre.api_url}/v2/default/copied/manifests/all",
                        headers=centre.headers, timeout=30)
    assert back.content == index
    refused = online.run("export", "images:all", check=False)
    assert refused.returncode == 6 and "index of 2 manifests" in refused.stderr
    online.run("remove", "images:all", "copied:all")
    assert online.blobs() == set()


def test_many_programs_at_once(store, tmp_path):
    """No entry is lost, and nothing that has a name is freed, while names come and go."""
    rng = random.Random(7)
    shared = make_model(tmp_path / "shared", 200_000)
    store.run("save", shared, "shared:base")

    def user(number):
        """Saves, tags and removes; what is left under its own names is returned."""
        own = make_model(tmp_path / f"source-{number}", 50_000, seed=number)
        left = {}
        for turn in range(4):
            name = f"default/user{number}:v{turn}"
            source = own if turn % 2 else shared
            left[name] = store.json("save", source, name)["digest"]
            store.run("tag", name, f"default/user{number}:latest")
            left[f"default/user{number}:latest"] = left[name]
            if turn:
                store.run("remove", f"default/user{number}:v{turn - 1}")
                del left[f"default/user{number}:v{turn - 1}"]
        return left

    numbers = list(range(8))
    rng.shuffle(numbers)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        left = {}
        for one in pool.map(user, numbers):
            left.update(one)
    index, named = store.check()
    found = {entry["annotations"][REF_NAME]: entry["digest"]
             for entry in index["manifests"]}
    assert {name: digest for name, digest in found.items() if name in left} == left
    assert set(found) == set(left) | {"default/shared:base"}
    # Whoever was the last to end has freed the rest.
    assert store.blobs() == named
    assert list((store.models / ".slipway/pending").iterdir()) == []
    store.run("remove", *found)
    assert store.blobs() == set()


def crash_points():
    listed = subprocess.run([str(programs.BINARY), "version", "--crash-points"], text=True,
                            capture_output=True, check=True).stdout
    return [point for point in listed.split() if point.startswith("models.")]


@pytest.mark.parametrize("point", crash_points())
def test_every_named_point(online, tmp_path, point):
    """Killed there, nothing that had a name is lost, and the next try does all of it."""
    source = make_model(tmp_path / "source")
    before = make_model(tmp_path / "before", seed=2)
    online.run("push", source, "crashed:remote")
    online.run("save", before, "crashed:before")
    online.check()
    mine = make_model(tmp_path / "mine", seed=3)
    acts = [("save", mine, "crashed:local"), ("pull", "crashed:remote"),
            ("tag", "crashed:before", "crashed:tagged"), ("remove", "crashed:before")]
    killed = 0
    for act in acts:
        done = online.run(*act, check=False, environment={"SLIPWAY_CRASH_AT": point})
        if done.returncode == 0:
            continue
        assert done.returncode == -signal.SIGKILL, done.stderr
        killed += 1
        online.check()
        again = online.run(*act, check=False)
        took_effect = act[0] == "remove" and "default/crashed:before" not in online.names()
        assert again.returncode == 0 or took_effect, again.stderr
    assert killed, f"{point} was not reached"
    _, named = online.check()
    online.run("save", before, "crashed:after")  # whoever comes next frees what was left
    _, named = online.check()
    assert online.blobs() == named


def test_killed_at_any_time(online, tmp_path):
    source = make_model(tmp_path / "source", 8 * MIB)
    online.run("push", source, "killed:v1")
    rng = random.Random(11)
    for _ in range(12):
        act = rng.choice([("save", source, "killed:mine"), ("pull", "killed:v1"),
                          ("remove", "killed:v1"), ("export", "killed:v1", tmp_path / "out")])
        process = online.start(*act)
        time.sleep(rng.uniform(0, 0.12))  # any moment will do
        process.kill()
        process.communicate()
        if (online.models / "index.json").exists():
            online.check()
    online.run("save", source, "killed:mine")
    online.run("pull", "killed:v1")
    online.run("export", "killed:v1", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(source)
    _, named = online.check()
    online.run("tag", "killed:v1", "killed:v2")
    online.run("save", MODELS / "linear_b.onnx", "killed:v2")
    _, named = online.check()
    assert online.blobs() == named


@pytest.mark.needs("skopeo")
def test_skopeo_reads_and_writes_the_layout(store, tmp_path):
    source = make_model(tmp_path / "source")
    saved = store.json("save", source, "risk/fraud:v1", "--form", "modelcar")
    skopeo = ["skopeo", "--insecure-policy"]
    raw = subprocess.run([*skopeo, "inspect", "--raw", f"oci:{store.models}:risk/fraud:v1"],
                         check=True, capture_output=True).stdout
    assert "sha256:" + hashlib.sha256(raw).hexdigest() == saved["digest"]
    subprocess.run([*skopeo, "copy", f"oci:{store.models}:risk/fraud:v1", f"dir:{tmp_path}/dir"],
                   check=True, capture_output=True)
    subprocess.run([*skopeo, "copy", f"dir:{tmp_path}/dir",
                    f"oci:{store.models}:risk/copied:v1"], check=True, capture_output=True)
    assert store.names() == ["risk/fraud:v1", "risk/copied:v1"]
    store.run("remove", "risk/fraud:v1")
    store.run("export", "risk/copied:v1", tmp_path / "out")
    assert (tmp_path / "out/models/README.md").read_text() == "# Linear\n"
    store.check()


def test_full_disk(online, tmp_path):
    source = make_model(tmp_path / "source", 6 * MIB)
    online.run("push", source, "full:v1")
    with small_disk(tmp_path / "disk", 16) as disk:
        online.models = disk.folder / "models"
        online.environment["SLIPWAY_MODELS"] = str(online.models)
        online.run("save", MODELS / "linear_a.onnx", "small:v1")
        disk.fill(leave=3 * MIB)
        before = online.blobs()
        for act in (("save", source, "full:mine"), ("pull", "full:v1")):
            done = online.run(*act, check=False)
            assert done.returncode == LIMIT_EXIT_CODE, done.stderr
            assert online.names() == ["default/small:v1"]
        assert online.blobs() == before, "what did not fit is given up"
        disk.fill()
        assert online.names() == ["default/small:v1"]
        online.run("export", "small:v1", tmp_path / "out")
        removed = online.run("remove", "small:v1", check=False)
        assert removed.returncode == LIMIT_EXIT_CODE, "the index cannot be written"
        assert online.names() == ["default/small:v1"]
        disk.empty()
        online.run("pull", "full:v1")
        online.run("save", source, "full:mine")
        online.check()
        online.run("remove", "small:v1", "full:v1", "full:mine")
        assert online.blobs() == set()


def break_index(store):
    (store.models / "index.json").write_text('{"manifests": [')


def lose_index(store):
    (store.models / "index.json").unlink()


def link_index(store):
    (store.models / "index.json").unlink()
    (store.models / "index.json").symlink_to("/etc/passwd")


def link_blobs(store):
    shutil.move(store.models / "blobs", store.folder / "moved")
    (store.models / "blobs").symlink_to(store.folder / "moved")


@pytest.mark.parametrize("harm", [break_index, lose_index, link_index, link_blobs],
                         ids=lambda harm: harm.__name__)
def test_hostile_layouts_are_refused_and_left(store, harm):
    store.run("save", MODELS / "linear_a.onnx", "linear:a")
    harm(store)
    for act in (("save", MODELS / "linear_b.onnx", "linear:b"), ("remove", "linear:a"),
                ("tag", "linear:a", "linear:c")):
        done = store.run(*act, check=False)
        assert done.returncode in (1, 2), f"{act}: {done.returncode} {done.stderr}"
        assert str(store.models) in done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
    assert len(list((store.models / "blobs/sha256").iterdir())) == 3


def test_damaged_content_is_told_and_mended(online, tmp_path):
    source = make_model(tmp_path / "source")
    online.run("push", source, "damaged:v1")
    online.run("pull", "damaged:v1")
    weights = hashlib.sha256((source / "data/weights.bin").read_bytes()).hexdigest()
    blob = online.models / "blobs/sha256" / weights
    content = bytearray(blob.read_bytes())
    content[1000] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(content)
    done = online.run("export", "damaged:v1", tmp_path / "out", check=False)
    assert done.returncode == 1
    assert "data/weights.bin" in done.stderr and "model pull damaged:v1" in done.stderr
    assert tree(tmp_path / "out") == {}
    online.run("tag", "damaged:v1", "damaged-copy:v1")
    done = online.run("push", "damaged-copy:v1", check=False)
    assert done.returncode == 1
    assert "data/weights.bin" in done.stderr and "is damaged" in done.stderr
    assert online.run("inspect", "damaged-copy:v1", check=False).returncode == 3
    assert online.json("pull", "damaged:v1")["downloadedBytes"] == len(content)
    online.run("export", "damaged:v1", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(source)


def test_an_entry_that_cannot_be_read_can_be_removed(store):
    store.run("save", MODELS / "linear_a.onnx", "linear:a")
    store.run("save", MODELS / "linear_b.onnx", "linear:b")
    path = store.models / "index.json"
    index = json.loads(path.read_text())
    index["manifests"][0]["digest"] = "sha256:none"
    path.write_text(json.dumps(index))
    assert store.names() == ["default/linear:b"]
    kept = store.run("remove", "linear:b")
    assert "nothing is freed" in kept.stderr and len(store.blobs()) > 3
    store.run("remove", "linear:a")
    assert store.blobs() == set()


def test_a_link_for_a_blob_leads_nowhere(store, tmp_path):
    store.run("save", MODELS / "linear_a.onnx", "linear:a")
    content = (MODELS / "linear_a.onnx").read_bytes()
    blob = store.models / "blobs/sha256" / hashlib.sha256(content).hexdigest()
    blob.unlink()
    blob.symlink_to(MODELS / "linear_a.onnx")
    done = store.run("export", "linear:a", tmp_path / "out", check=False)
    assert done.returncode == 2 and "link" in done.stderr
    store.run("save", MODELS / "linear_a.onnx", "linear:a")
    assert not blob.is_symlink()
    store.run("export", "linear:a", tmp_path / "out")


def test_two_pulls_into_one_folder(centre, tmp_path):
    """They do not disturb each other: both end well, and the files are whole."""
    source = make_model(tmp_path / "source", 4 * MIB)
    centre.cli("push", source, "together:v1", "--form", "ormb")
    command = [str(programs.BINARY), "pull", "together:v1", str(tmp_path / "out")]
    running = [subprocess.Popen(command, env=centre.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
    files = tree(tmp_path / "out")
    assert {path.removeprefix("model/") for path in files} == {*tree(source), "ormbfile.yaml"}
    assert files["model/data/weights.bin"] == (source / "data/weights.bin").read_bytes()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("verb", ["pull", "model export"])
def test_nothing_is_written_through_a_link(online, tmp_path, verb, form):
    source = make_model(tmp_path / "source")
    name = f"linked-{form}:{verb[:5].strip()}"
    online.run("push", source, name, "--form", form)
    inside = {"modelpack": "data", "ormb": "model", "modelcar": "models"}[form]
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / inside).symlink_to(tmp_path / "elsewhere")
    done = online.centre.cli(*verb.split(), name, tmp_path / "out", check=False,
                             environment={"SLIPWAY_MODELS": str(online.models)})
    assert done.returncode == 2 and str(tmp_path / "out" / inside) in done.stderr
    assert tree(tmp_path / "elsewhere") == {}
    (tmp_path / "out" / inside).unlink()
    online.run("export", name, tmp_path / "out")
    assert tree(tmp_path / "elsewhere") == {} and len(tree(tmp_path / "out")) >= 3


def test_init_writes_what_the_files_tell(store, tmp_path):
    source = make_model(tmp_path / "fraud")
    done = store.json("init", source)
    assert done["path"] == str(source / "model.yaml")
    assert done["metadata"]["format"] == "onnx"
    assert done["metadata"]["signature"]["inputs"] == [
        {"name": "x", "dtype": "float32", "shape": [1, 4]}]
    text = (source / "model.yaml").read_text()
    again = store.run("init", source, check=False)
    assert again.returncode == 4 and "model.yaml" in again.stderr
    assert (source / "model.yaml").read_text() == text
    store.run("save", source, "fraud:v1")
    shown = store.json("inspect", "fraud:v1", "--local")
    assert shown["metadata"]["name"] == "fraud" and shown["metadata"]["source"] == "model.yaml"

    ormb = make_model(tmp_path / "ormb" / "model").parent
    (ormb / "ormbfile.yaml").write_text("author: Ada\nformat: ONNX\ndescription: a line\n")
    drafted = store.json("init", ormb)["metadata"]
    assert drafted["authors"] == ["Ada"] and drafted["description"] == "a line"
    assert store.run("init", MODELS / "linear_a.onnx", check=False).returncode == 2
