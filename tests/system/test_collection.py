"""Collection of garbage and the scrub, in the real control centre."""

import contextlib
import hashlib
import json
import random
import shutil

import pytest
import requests

import programs

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LARGE = 100_000  # bytes: kept as a file
GC_POINTS = ("gc.blobs_removed", "gc.rows_removed", "gc.file_unused", "gc.file_removed")


def digest_of(content, algorithm="sha256"):
    return f"{algorithm}:" + hashlib.new(algorithm, content).hexdigest()


class Registry:
    """A client of one repository after another."""

    def __init__(self, centre):
        self.centre = centre
        self.session = requests.Session()
        self.session.headers.update(centre.headers)

    def url(self, rest):
        return f"{self.centre.api_url}/v2/{rest}"

    def blob(self, repository, content, algorithm="sha256"):
        digest = digest_of(content, algorithm)
        answer = self.session.post(self.url(f"{repository}/blobs/uploads/?digest={digest}"),
                                   data=content, timeout=60)
        assert answer.status_code == 201, answer.text
        return {"mediaType": "application/vnd.example.layer", "digest": digest,
                "size": len(content)}

    def manifest(self, repository, tag, layers, **more):
        """Pushes the layers and a manifest of them; returns its digest."""
        body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST,
                           "config": self.blob(repository, b"{}"),
                           "layers": [self.blob(repository, layer) for layer in layers],
                           **more}).encode()
        answer = self.session.put(self.url(f"{repository}/manifests/{tag}"), data=body,
                                  headers={"Content-Type": MANIFEST}, timeout=60)
        assert answer.status_code == 201, answer.text
        return digest_of(body)

    def delete(self, repository, what):
        answer = self.session.delete(self.url(f"{repository}/{what}"), timeout=60)
        assert answer.status_code == 202, answer.text

    def status(self, repository, content, method="GET"):
        url = self.url(f"{repository}/blobs/{digest_of(content)}")
        return self.session.request(method, url, timeout=60).status_code

    def pull(self, repository, tag):
        """Pulls a manifest with all its layers and compares every digest."""
        answer = self.session.get(self.url(f"{repository}/manifests/{tag}"), timeout=60)
        assert answer.status_code == 200, answer.text
        assert digest_of(answer.content) == answer.headers["Docker-Content-Digest"]
        manifest = answer.json()
        for blob in [manifest["config"], *manifest["layers"]]:
            got = self.session.get(self.url(f"{repository}/blobs/{blob['digest']}"), timeout=60)
            assert got.status_code == 200, got.text
            algorithm = blob["digest"].partition(":")[0]
            assert digest_of(got.content, algorithm) == blob["digest"]


def collect(centre, *arguments):
    return json.loads(centre.cli("registry", "gc", "-o", "json", *arguments).stdout)


def status(centre):
    return json.loads(centre.cli("registry", "status", "-o", "json").stdout)


def files_of(centre):
    return {path.name for path in (centre.data / "blobs/sha256").glob("*/*")}


@pytest.fixture
def centre(start_centre):
    return start_centre("--gc-hold", "0", "--gc-interval", "0", "--scrub-interval", "0")


def test_collect(centre):
    registry = Registry(centre)
    source = random.Random(1)
    layers = [b"small", source.randbytes(LARGE)]
    gone = registry.manifest("shop/app", "v1", layers)
    registry.manifest("shop/app", "v2", [b"kept", source.randbytes(LARGE + 1)])
    registry.blob("shop/app", b"never named", "sha512")
    registry.delete("shop/app", f"manifests/{gone}")
    files = files_of(centre)
    dry = collect(centre, "--dry-run")
    assert (dry["dryRun"], dry["blobs"]["count"], dry["objects"]["count"]) == (True, 3, 4)
    assert files_of(centre) == files
    assert registry.status("shop/app", layers[1]) == 200
    wet = collect(centre)
    assert {name: dry[name] for name in ("blobs", "objects", "aliases", "held")} == {
        name: wet[name] for name in ("blobs", "objects", "aliases", "held")}
    assert files_of(centre) == files - {digest_of(layers[1])[7:]}
    assert registry.status("shop/app", layers[1]) == 404
    registry.pull("shop/app", "v2")
    table = centre.cli("registry", "gc").stdout
    assert "blobs that no manifest names   0 (0 B)" in table
    last = status(centre)["collection"]
    assert last["last"]["blobs"]["count"] == 0 and last["lastDryRun"]["blobs"]["count"] == 3
    assert "collected the registry's garbage" in centre.log_tail(1000)
    metrics = registry.session.get(centre.api_url + "/metrics", timeout=30).text
    assert 'slipway_registry_collections_total{result="done"} 2' in metrics
    # The last report survives a restart.
    centre.stop()
    centre.start()
    assert status(centre)["collection"]["last"]["startedAt"] == last["last"]["startedAt"]
    assert "last collection:" in centre.cli("registry", "status").stdout


def test_what_is_pushed_is_held(start_centre):
    centre = start_centre("--gc-interval", "0")
    registry = Registry(centre)
    registry.blob("shop/app", b"pushed")
    done = centre.cli("registry", "gc")
    assert "held for who pushes (stays)    1 (6 B)" in done.stdout
    assert "every blob counts as held" in done.stderr, "after a start"
    assert registry.status("shop/app", b"pushed", "HEAD") == 200


def test_by_the_clock(start_centre):
    centre = start_centre("--gc-hold", "0", "--gc-interval", "1s", "--scrub-interval", "1s")
    registry = Registry(centre)
    registry.manifest("shop/app", "v1", [b"kept"])
    registry.blob("shop/app", b"garbage")
    programs.wait_until(lambda: registry.status("shop/app", b"garbage", "HEAD") == 404,
                        "the collection", timeout_s=60)
    programs.wait_until(lambda: status(centre)["scrub"].get("pass", {}).get("finishedAt"),
                        "the scrub", timeout_s=60)
    registry.pull("shop/app", "v1")


def test_only_the_administrator_of_everything(centre):
    for role, project in (("admin", "default"), ("editor", None), ("viewer", None)):
        words = ["--project", project] if project else []
        token = centre.cli("token", "create", "--role", role, *words).stdout.strip()
        headers = {"Authorization": f"Bearer {token}"}
        for method, path in (("GET", ""), ("POST", "/collections"), ("POST", "/scrubs")):
            answer = requests.request(method, f"{centre.api_url}/api/v1/registry{path}",
                                      headers=headers, timeout=30)
            assert answer.status_code == 403, (role, path, answer.text)
            assert answer.json()["reason"] == "ROLE_MISSING"
    answer = requests.post(f"{centre.api_url}/api/v1/registry/collections?dryrun=1",
                           headers=centre.headers, timeout=30)
    assert (answer.status_code, answer.json()["reason"]) == (400, "QUERY_UNKNOWN")


def test_scrub(centre):
    registry = Registry(centre)
    layer = random.Random(2).randbytes(LARGE)
    registry.manifest("shop/app", "v1", [layer])
    path = next((centre.data / "blobs/sha256").glob(f"*/{digest_of(layer)[7:]}"))
    rot(path)
    centre.cli("registry", "scrub")
    programs.wait_until(lambda: status(centre)["damaged"] == 1, "the damage to be found")
    refused = registry.session.get(registry.url(f"shop/app/blobs/{digest_of(layer)}"), timeout=30)
    assert refused.status_code == 404
    assert refused.json()["errors"][0]["code"] == "BLOB_UNKNOWN"
    assert "damaged" in refused.json()["errors"][0]["message"]
    assert registry.status("shop/app", layer, "HEAD") == 404
    assert "1 objects of the registry are damaged" in centre.cli("status").stdout
    metrics = registry.session.get(centre.api_url + "/metrics", timeout=30).text
    assert "slipway_registry_damaged_objects 1" in metrics
    # Known after a restart, too, and healed by a push of the same content.
    centre.stop()
    centre.start()
    assert registry.status("shop/app", layer, "HEAD") == 404
    registry.manifest("shop/app", "v1", [layer])
    registry.pull("shop/app", "v1")
    assert status(centre)["damaged"] == 0
    assert "damaged" not in centre.cli("status").stdout


def rot(path):
    path.chmod(0o644)
    with open(path, "r+b") as file:
        file.seek(LARGE // 2)
        file.write(b"\0rot\0")


@pytest.mark.parametrize("harm", ["rot", "truncated", "gone"])
@pytest.mark.parametrize("form", ["files", "store"])
def test_a_push_to_the_same_tag_heals(centre, tmp_path, harm, form):
    model = tmp_path / "model"
    model.mkdir()
    shutil.copy(programs.ROOT / "tests/fixtures/models/linear_a.onnx", model / "model.onnx")
    weights = random.Random(3).randbytes(LARGE)
    (model / "weights.bin").write_bytes(weights)
    words = ["push", model, "shop/model:v1"]
    if form == "store":
        centre.cli("model", "save", model, "shop/model:v1")
        words = ["model", "push", "shop/model:v1"]
    centre.cli(*words)
    assert "already" in centre.cli(*words).stdout
    path = next((centre.data / "blobs/sha256").glob(f"*/{hashlib.sha256(weights).hexdigest()}"))
    if harm == "rot":
        rot(path)
        centre.cli("registry", "scrub")
        programs.wait_until(lambda: status(centre)["damaged"] == 1, "the damage to be found")
    else:  # nobody has looked yet
        path.chmod(0o644)
        path.write_bytes(b"")
        if harm == "gone":
            path.unlink()
        url = f"{centre.api_url}/v2/shop/model/blobs/{digest_of(weights)}"
        programs.wait_until(lambda: requests.head(url, headers=centre.headers, timeout=60)
                            .status_code == 404, "HEAD to see it")
    failed = centre.cli("pull", "shop/model:v1", tmp_path / "pulled", check=False)
    assert failed.returncode != 0
    healed = centre.cli(*words).stdout
    assert healed.startswith("pushed shop/model:v1") and "already" not in healed
    assert status(centre)["damaged"] == 0
    centre.cli("pull", "shop/model:v1", tmp_path / "pulled")
    assert (tmp_path / "pulled/weights.bin").read_bytes() == weights
    assert "already" in centre.cli(*words).stdout


def test_a_service_serves_what_was_healed(centre, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    shutil.copy(programs.ROOT / "tests/fixtures/models/linear_a.onnx", model / "model.onnx")
    weights = random.Random(4).randbytes(LARGE)
    (model / "weights.bin").write_bytes(weights)
    centre.cli("push", model, "model:v1")
    centre.cli("deploy", "model:v1", "--as", "first")
    rot(next((centre.data / "blobs/sha256").glob(f"*/{hashlib.sha256(weights).hexdigest()}")))
    centre.cli("registry", "scrub")
    programs.wait_until(lambda: status(centre)["damaged"] == 1, "the damage to be found")
    centre.cli("push", model, "model:v1")
    assert status(centre)["damaged"] == 0
    centre.stop()
    centre.start()
    centre.cli("deploy", "model:v1", "--as", "second")
    for name in ("first", "second"):
        url = f"{centre.inference_url}/v2/models/{name}/ready"
        programs.wait_until(lambda url=url: requests.get(url, timeout=60).status_code == 200, url)
    unpacked = list((centre.data / "unpacked").glob("*/weights.bin"))
    assert [path.read_bytes() for path in unpacked] == [weights]


def test_a_folder_of_format_2(start_centre, tmp_path):
    """Made by the program before the index rows: they are there after the first start."""
    data = tmp_path / "format-2"
    shutil.copytree(programs.ROOT / "src/store/testdata/format-2", data)
    centre = start_centre("--gc-hold", "0", "--gc-interval", "0", data=data)
    registry = Registry(centre)
    for tag in ("v1", "v2", "large", "signature"):
        registry.pull("old/app", tag)
    refused = registry.session.delete(registry.url(f"old/app/blobs/{digest_of(b'small')}"),
                                      timeout=30)
    assert refused.status_code == 405, "a manifest names it"
    report = collect(centre)
    assert (report["blobs"]["count"], report["objects"]["count"], report["aliases"]) == (3, 3, 1)
    for tag in ("v1", "v2", "large", "signature"):
        registry.pull("old/app", tag)
    assert registry.session.get(registry.url("old/app/manifests/index"),
                                timeout=30).status_code == 200
    registry.pull("old/model", "v1")


@contextlib.contextmanager
def killed_at(centre, point):
    """Restarts the centre so that it dies at this point; starts it again afterwards."""
    centre.stop()
    centre.start(environment={"SLIPWAY_CRASH_AT": point})
    yield
    assert centre.process.wait(60) == -9, f"{point} was not reached"
    centre.process = None
    centre.start()


@pytest.mark.parametrize("point", GC_POINTS)
def test_killed_while_it_collects(centre, point):
    registry = Registry(centre)
    source = random.Random(point)
    gone = registry.manifest("shop/app", "v1", [b"small", source.randbytes(LARGE)])
    registry.manifest("shop/app", "v2", [b"kept", source.randbytes(LARGE)])
    registry.delete("shop/app", f"manifests/{gone}")
    with killed_at(centre, point):
        centre.cli("registry", "gc", check=False)
    registry.pull("shop/app", "v2")
    report = collect(centre)
    assert report.get("error") is None
    assert len(files_of(centre)) == 1, "the large layer of v2"
    registry.pull("shop/app", "v2")
    registry.manifest("shop/app", "v1", [b"small"])
    registry.pull("shop/app", "v1")


def test_pushes_while_it_collects(centre):
    """A collection after the other, without holds for what is named in the end."""
    registry = Registry(centre)
    source = random.Random(3)
    layers = [source.randbytes(LARGE + number) for number in range(3)] + [b"small"]
    for number in range(20):
        digest = registry.manifest("shop/app", "v1", layers, annotations={"n": str(number)})
        centre.cli("registry", "gc", "--no-wait", check=False)
        registry.pull("shop/app", "v1")
        if number % 3 == 0:
            registry.manifest("shop/app", "v1", layers, annotations={"n": "next"})
            registry.delete("shop/app", f"manifests/{digest}")
    registry.pull("shop/app", "v1")
