"""A disk that fills up, and a limit on the size of files, under the real programs.

What cannot be written is refused with the protocol's own error, what was there goes on, and when
there is room again everything succeeds, without a restart.
"""

import contextlib
import hashlib
import json
import os
import resource
import sqlite3

import pytest
import requests

import programs
from small_disk import MIB, small_disk
from test_collection import MANIFEST, Registry, digest_of

MODELS = programs.ROOT / "tests/fixtures/models"
BODY = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
RESERVE = 32 * MIB  # what pushes leave to the database
LIMIT_EXIT_CODE = 7


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", 160) as mounted:
        yield mounted


class Site:
    """A control centre that serves a model, and what its users do."""

    def __init__(self, centre):
        self.centre = centre
        self.session = requests.Session()
        self.session.headers.update(centre.headers)
        self.api = centre.api_url
        centre.cli("push", MODELS / "linear_a.onnx", "linear:a")
        centre.cli("deploy", "linear:a")

    def infer(self, service="linear"):
        answer = requests.post(f"{self.centre.inference_url}/v2/models/{service}/infer", json=BODY,
                               timeout=30)
        return answer.status_code

    def begin_upload(self, repository):
        answer = self.session.post(f"{self.api}/v2/{repository}/blobs/uploads/", timeout=30)
        assert answer.status_code == 202, answer.text
        return requests.compat.urljoin(self.api, answer.headers["Location"])

    def create_service(self, name):
        return self.session.post(
            f"{self.api}/api/v1/projects/default/services", timeout=30,
            json={"apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": name},
                  "spec": {"predictor": {"model": "linear:a"}}})

    def service_names(self):
        items = json.loads(self.centre.cli("get", "services", "-o", "json").stdout)["items"]
        return {item["metadata"]["name"] for item in items}

    def phase(self, service):
        item = json.loads(self.centre.cli("get", f"service/{service}", "-o", "json").stdout)
        return item["status"].get("phase")

    def status(self):
        return json.loads(self.centre.cli("status", "-o", "json").stdout)["server"]

    def spools(self):
        return sorted(os.listdir(self.centre.data / "uploads"))

    def what_was_there_works(self):
        assert self.infer() == 200
        assert "linear" in self.service_names()
        inspected = json.loads(self.centre.cli("inspect", "linear:a", "-o", "json").stdout)
        answer = self.session.get(f"{self.api}/v2/default/linear/manifests/{inspected['digest']}",
                                  timeout=30)
        assert answer.status_code == 200
        assert hashlib.sha256(answer.content).hexdigest() == inspected["digest"][7:]


@pytest.fixture
def site(start_centre, disk):
    return Site(start_centre(data=disk.folder / "data"))


def pieces(count):
    for number in range(count):
        yield bytes([number % 251]) * MIB


def digest_of_pieces(count):
    whole = hashlib.sha256()
    for piece in pieces(count):
        whole.update(piece)
    return "sha256:" + whole.hexdigest()


def check_oci_error(answer):
    assert answer.status_code == 507, answer.text
    error = answer.json()["errors"][0]
    assert error["code"] == "BLOB_UPLOAD_INVALID"
    assert "disk of the data folder is full" in error["message"], "it says where"
    assert "free space there" in error["message"], "and what to do"
    assert str(programs.ROOT) not in answer.text and "/data/" not in answer.text


def check_problem(answer):
    assert answer.status_code == 507, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert (problem["code"], problem["reason"]) == ("RESOURCE_EXHAUSTED", "DISK_FULL")
    assert "free space on the disk of the data folder" in problem["detail"]


def test_a_push_that_does_not_fit(site, disk):
    """The upload is refused before the database has no room, and goes on when there is some."""
    location = site.begin_upload("default/large")
    disk.fill(leave=RESERVE + 20 * MIB)
    refused = site.session.patch(location, data=pieces(40), timeout=120)
    check_oci_error(refused)
    taken = int(refused.headers["Range"].removeprefix("0-")) + 1
    assert 0 < taken <= 20 * MIB
    assert disk.free() >= RESERVE - MIB
    site.what_was_there_works()

    # Everything small goes on: the service is deployed anew, a token is made.
    site.centre.cli("push", MODELS / "linear_b.onnx", "linear:b")
    site.centre.cli("deploy", "linear:b", "--as", "other")
    assert site.infer("other") == 200
    site.centre.cli("token", "create", "--role", "viewer")
    warning = site.status()["warning"]
    assert "disk of the data folder is full" in warning and str(RESERVE) in warning
    assert f"warning: {warning}" in site.centre.cli("status").stdout

    # Nothing half-done is visible, and the upload is resumed from where it stands.
    digest = digest_of_pieces(40)
    assert site.session.head(f"{site.api}/v2/default/large/blobs/{digest}",
                             timeout=30).status_code == 404
    disk.empty()
    content = b"".join(pieces(40))
    rest = site.session.patch(location, data=content[taken:], timeout=120,
                              headers={"Content-Range": f"{taken}-{len(content) - 1}"})
    assert rest.status_code == 202, rest.text
    assert site.session.put(f"{location}?digest={digest}", timeout=120).status_code == 201
    blob = site.session.get(f"{site.api}/v2/default/large/blobs/{digest}", timeout=120)
    assert hashlib.sha256(blob.content).hexdigest() == digest[7:]
    assert "warning" not in site.status()
    assert site.spools() == []


def test_slipway_push_leaves_nothing_behind(site, disk, tmp_path):
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "model.onnx").write_bytes((MODELS / "linear_b.onnx").read_bytes())
    (folder / "weights.bin").write_bytes(os.urandom(30 * MIB))
    disk.fill(leave=RESERVE + 10 * MIB)
    done = site.centre.cli("push", folder, "large:v1", check=False)
    assert done.returncode == LIMIT_EXIT_CODE
    assert "weights.bin" in done.stderr and "disk of the data folder is full" in done.stderr
    assert site.spools() == [], "the upload was given up"
    assert site.centre.cli("inspect", "large:v1", check=False).returncode == 3
    disk.empty()
    site.centre.cli("push", folder, "large:v1")
    site.centre.cli("pull", "large:v1", tmp_path / "pulled")
    assert ((tmp_path / "pulled/weights.bin").read_bytes() ==
            (folder / "weights.bin").read_bytes())


def test_unpacking_leaves_the_reserve(site, disk):
    """A large archive waits for room; what is small goes on, and nothing of a try stays."""
    folder = site.centre.folder / "packed"
    folder.mkdir()
    (folder / "model.onnx").write_bytes((MODELS / "linear_b.onnx").read_bytes())
    (folder / "weights.bin").write_bytes(os.urandom(20 * MIB))
    site.centre.cli("push", folder, "packed:v1", "--form", "ormb")
    disk.fill(leave=RESERVE + 8 * MIB)
    site.centre.cli("deploy", "packed:v1", "--no-wait")
    wanted = "the disk of the site is full"
    programs.wait_until(lambda: wanted in site.centre.cli("services").stdout,
                        "a service that says for what it waits")
    programs.wait_until(lambda: disk.free() > RESERVE, "the room of the try that failed")
    site.centre.cli("deploy", "linear:a", "--as", "small")
    site.what_was_there_works()
    disk.empty()
    programs.wait_until(lambda: site.infer("packed") == 200, "the revision, once there is room",
                        timeout_s=90)


def test_another_program_fills_the_disk(site, disk):
    """No byte is left, for nobody: all writes are refused, all reads and inferences go on."""
    before = site.service_names()
    stream = site.begin_upload("default/stream")

    def filling():
        for number, piece in enumerate(pieces(30)):
            if number == 10:
                disk.fill()
            yield piece

    check_oci_error(site.session.patch(stream, data=filling(), timeout=120))
    made = set()
    for number in range(2000):  # what the log of the database still has room for
        disk.fill()
        answer = site.create_service(f"s{number}")
        if answer.status_code != 201:
            break
        made.add(f"s{number}")
    check_problem(answer)
    for command in (("token", "create", "--role", "viewer"), ("deploy", "linear:a", "--as", "more"),
                    ("push", MODELS / "linear_b.onnx", "linear:b"), ("apply", "-f", "-")):
        disk.fill()
        done = site.centre.cli(*command, check=False,
                               stdin=json.dumps({"apiVersion": "slipway/v1", "kind": "Service",
                                                 "metadata": {"name": "applied"},
                                                 "spec": {"predictor": {"model": "linear:a"}}}))
        assert done.returncode == LIMIT_EXIT_CODE, f"{command}: {done.stdout}{done.stderr}"
        assert "disk of the data folder" in done.stderr, command
    assert site.service_names() == before | made, "nothing that was refused is there"
    assert "0 bytes are left" in site.status()["warning"]
    site.what_was_there_works()

    disk.empty()
    site.centre.cli("token", "create", "--role", "viewer")
    site.centre.cli("push", MODELS / "linear_b.onnx", "linear:b")
    site.centre.cli("deploy", "linear:b", "--as", "other")
    assert site.infer("other") == 200
    assert site.session.delete(stream, timeout=30).status_code == 204
    assert site.spools() == []

    # And what was acknowledged is there after a restart.
    site.centre.stop()
    site.centre.start()
    site.api = site.centre.api_url
    site.session.headers.update(site.centre.headers)
    assert site.service_names() == before | made | {"other"}
    programs.wait_until(lambda: site.infer("other") == 200, "the service after the restart")
    site.what_was_there_works()


def test_deletions_and_collections_work_on_a_full_disk(start_centre, disk):
    """To the last byte: the reserve is given up for them, and made again when there is room."""
    centre = start_centre("--gc-hold", "0", "--gc-interval", "0", data=disk.folder / "data")
    site = Site(centre)
    reserve = centre.data / "reserve"
    assert reserve.stat().st_size == 16 * MIB
    folder = centre.folder / "large"
    folder.mkdir()
    (folder / "model.onnx").write_bytes((MODELS / "linear_b.onnx").read_bytes())
    (folder / "weights.bin").write_bytes(os.urandom(20 * MIB))
    centre.cli("push", folder, "large:v1")
    manifest = json.loads(centre.cli("inspect", "large:v1", "-o", "json").stdout)["digest"]
    assert site.create_service("before").status_code == 201
    for number in range(2000):  # what the log of the database still has room for
        disk.fill()
        answer = site.create_service(f"s{number}")
        if answer.status_code != 201:
            break
    check_problem(answer)
    disk.fill()
    assert disk.free() < 4096
    deleted = site.session.delete(f"{site.api}/v2/default/large/manifests/{manifest}", timeout=60)
    assert deleted.status_code == 202, deleted.text
    assert reserve.stat().st_size == 0
    centre.cli("delete", "before")
    assert "before" not in site.service_names()
    refused = site.create_service("after")
    assert refused.status_code == 507, "what is left is for deletions"
    report = json.loads(centre.cli("registry", "gc", "-o", "json").stdout)
    assert report["objects"]["bytes"] > 20 * MIB, report
    assert disk.free() > 19 * MIB
    site.what_was_there_works()
    disk.empty()
    assert site.create_service("after").status_code == 201
    assert reserve.stat().st_size == 16 * MIB


def model_manifest(registry, repository, layer):
    """Pushes content, and returns a model's manifest of it."""
    kind = "application/vnd.cncf.model"
    config = registry.blob(repository, b"{}")
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST,
                       "artifactType": f"{kind}.manifest.v1+json",
                       "config": {**config, "mediaType": f"{kind}.config.v1+json"},
                       "layers": [registry.blob(repository, layer)]}).encode()


def push_tags(registry, repository, body, tags):
    """A manifest with these tags; returns its digest."""
    digest = digest_of(body)
    for begin in range(0, len(tags), 64):
        query = "&".join(f"tag={tag}" for tag in tags[begin:begin + 64])
        answer = registry.session.put(registry.url(f"{repository}/manifests/{digest}?{query}"),
                                      data=body, headers={"Content-Type": MANIFEST}, timeout=60)
        assert answer.status_code == 201, answer.text
    return digest


def test_every_deletion_works_on_a_full_disk(start_centre, disk):
    """Also one that leaves a line of history for each tag, and one of more than the reserve."""
    centre = start_centre(data=disk.folder / "data")
    registry = Registry(centre)
    one = push_tags(registry, "p/m", model_manifest(registry, "p/m", b"1"),
                    [f"t{i}" for i in range(40)])
    two = push_tags(registry, "p/m", model_manifest(registry, "p/m", b"2"),
                    [f"u{i}" for i in range(40)])
    push_tags(registry, "p/huge", model_manifest(registry, "p/huge", b"3"),
              [f"tag-{i:0100}" for i in range(20_032)])
    centre.stop()
    centre.start()
    registry, api = Registry(centre), f"{centre.api_url}/api"
    disk.fill()
    for target in (registry.url("p/m/manifests/t7"), registry.url(f"p/m/manifests/{one}"),
                   f"{api}/v1/projects/p/modelversions/m-{two[7:23]}",
                   f"{api}/v2.0/projects/p/repositories/huge"):
        answer = registry.session.delete(target, timeout=120)
        assert answer.status_code in (200, 202, 204), (target, answer.text)
    assert registry.session.get(registry.url("p/m/tags/list"), timeout=60).status_code in (200, 404)

    def rows():
        with sqlite3.connect(f"file:{centre.data}/slipway.db?mode=ro", uri=True) as database:
            return database.execute("SELECT count(*) FROM entries WHERE instr(key, ?) > 0",
                                    (b"p/huge",)).fetchone()[0]

    programs.wait_until(lambda: rows() == 0, "the rows of the large repository to go",
                        timeout_s=120)
    answer = registry.session.delete(f"{api}/v1/projects/p?cascade=1", timeout=60)
    assert answer.status_code in (200, 202, 204), answer.text


def test_a_start_on_a_full_disk(site, disk):
    """It gives the reserve up for it; without one it says why it does not start."""
    site.centre.stop()
    disk.fill()
    site.centre.start()
    assert site.service_names() == {"linear"}
    site.centre.stop()
    disk.fill()
    done = site.centre.cli("server", "--data", site.centre.data, "--port-base", 0, check=False,
                           timeout_s=60)
    assert done.returncode == LIMIT_EXIT_CODE, done.stdout + done.stderr
    assert "No space left" in done.stderr or "free space on the disk" in done.stderr
    disk.empty()
    site.centre.start()
    programs.wait_until(lambda: site.infer() == 200, "the service after the start")
    assert site.service_names() == {"linear"}


@contextlib.contextmanager
def full_folder(centre, folder):
    """Restarts the centre with a disk of its own at this folder of its data, and fills that."""
    centre.stop()
    with small_disk(folder, 4) as disk:
        try:
            centre.start()
            disk.fill()
            yield disk
        finally:
            if centre.process is not None:
                centre.stop()


def test_deploy_while_the_models_folder_is_full(start_centre):
    """The revision waits and says for what; it gets no traffic before, and all of it after."""
    centre = start_centre()
    centre.cli("push", MODELS / "linear_a.onnx", "linear:a")
    with full_folder(centre, centre.data / "unpacked") as disk:
        centre.cli("deploy", "linear:a", "--no-wait")
        wanted = "the disk of the site is full: free space there"
        said = programs.wait_until(
            lambda: (table if wanted in (table := centre.cli("services").stdout) else ""),
            "a service that says for what it waits")
        assert str(centre.data) not in said, "paths are for the log"
        item = json.loads(centre.cli("get", "service/linear", "-o", "json").stdout)
        assert item["status"]["conditions"][0]["reason"] == "DISK_FULL"
        url = f"{centre.inference_url}/v2/models/linear/infer"
        assert requests.post(url, json=BODY, timeout=30).status_code in (404, 503)
        disk.empty()
        programs.wait_until(
            lambda: requests.post(url, json=BODY, timeout=30).status_code == 200,
            "the revision, once there is room", timeout_s=90)
        assert len(os.listdir(centre.data / "unpacked")) == 1, "no half of a model stays"


def test_deploy_while_the_sites_folder_is_full(start_centre):
    """What serves goes on; what cannot be told to serve waits, and status says for what."""
    centre = start_centre()
    for tag in "ab":
        centre.cli("push", MODELS / f"linear_{tag}.onnx", f"linear:{tag}")
    with full_folder(centre, centre.data / "sites/local") as disk:
        url = f"{centre.inference_url}/v2/models/linear/infer"
        disk.empty()
        centre.cli("deploy", "linear:a")
        disk.fill()
        centre.cli("upgrade", "linear", "linear:b", "--no-wait")

        def warning():
            return json.loads(centre.cli("status", "-o", "json").stdout)["serve"].get("warning")

        said = programs.wait_until(warning, "a status that warns")
        assert "serving.json cannot be written: the disk of the site is full" in said
        assert f"warning: {said}" in centre.cli("status").stdout
        answer = requests.post(url, json=BODY, timeout=30)
        assert (answer.status_code, answer.json()["model_version"]) == (200, "1")
        disk.empty()
        programs.wait_until(
            lambda: requests.post(url, json=BODY, timeout=30).json()["model_version"] == "2",
            "the new revision, once there is room", timeout_s=90)
        programs.wait_until(lambda: not warning(), "a status without a warning")


@contextlib.contextmanager
def file_size_limit(pid, size_bytes):
    """No file of the process may grow beyond the size, as under `ulimit -f`."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def test_a_limit_on_the_size_of_files(start_centre):
    """Refused like a full disk, and not the end of the program; needs no rights."""
    site = Site(start_centre())
    log = site.centre.data / "slipway.db-wal"
    location = site.begin_upload("default/large")
    with file_size_limit(site.centre.pid, max(log.stat().st_size, 4 * MIB)):
        refused = site.session.patch(location, data=pieces(8), timeout=120)
        assert refused.status_code == 507, refused.text
        assert "ulimit -f" in refused.json()["errors"][0]["message"]
        site.what_was_there_works()
    with file_size_limit(site.centre.pid, log.stat().st_size):
        for number in range(2000):
            answer = site.create_service(f"s{number}")
            if answer.status_code != 201:
                break
        assert answer.status_code == 507, answer.text
        assert answer.json()["reason"] == "FILE_SIZE_LIMIT"
        assert "ulimit -f" in answer.json()["detail"]
        site.what_was_there_works()
    site.centre.cli("push", MODELS / "linear_b.onnx", "linear:b")
    site.centre.cli("deploy", "linear:b", "--as", "other")
    assert site.infer("other") == 200
    assert site.session.patch(location, data=pieces(8), timeout=120).status_code == 202
