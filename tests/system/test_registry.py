"""The embedded registry with real clients: skopeo, and plain HTTP on real connections."""

import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import requests

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
MODEL_TYPE = "application/vnd.cncf.model.manifest.v1+json"
CONFIG_TYPE = "application/vnd.cncf.model.config.v1+json"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class OciLayout:
    """A folder in the OCI image layout, made by hand."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "blobs/sha256").mkdir(parents=True)
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def add(self, content, media_type, **members):
        """Stores the content and returns its descriptor."""
        digest = digest_of(content)
        (self.folder / "blobs/sha256" / digest[7:]).write_bytes(content)
        return {"mediaType": media_type, "digest": digest, "size": len(content), **members}

    def read(self, digest):
        return (self.folder / "blobs/sha256" / digest[7:]).read_bytes()

    def write_index(self, manifest, tag):
        manifest["annotations"] = {"org.opencontainers.image.ref.name": tag}
        (self.folder / "index.json").write_text(json.dumps(
            {"schemaVersion": 2, "manifests": [manifest]}))

    def manifest_digest(self):
        return json.loads((self.folder / "index.json").read_text())["manifests"][0]["digest"]


def make_model_pack(folder, files):
    """A ModelPack of {path: content}, as another tool might write it: pretty-printed JSON."""
    layout = OciLayout(folder)
    layers = [layout.add(content, "application/vnd.cncf.model.weight.v1.raw",
                         annotations={"org.cncf.model.filepath": path})
              for path, content in files.items()]
    config = layout.add(json.dumps({
        "descriptor": {"name": "hand-made"}, "config": {"format": "onnx"},
        "modelfs": {"type": "layers", "diffIds": [layer["digest"] for layer in layers]},
    }, indent=2).encode(), CONFIG_TYPE)
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
                           "artifactType": MODEL_TYPE, "config": config, "layers": layers,
                           "annotations": {"tool": "by hand"}}, indent=3).encode()
    layout.write_index(layout.add(manifest, MANIFEST_TYPE), "v1")
    return layout


def skopeo(centre, *arguments):
    """Runs skopeo as the admin: a password stands in a file, not on the command line."""
    host = centre.api_url.removeprefix("http://")
    auth = centre.folder / "auth.json"
    secret = base64.b64encode(f"any:{centre.token}".encode()).decode()
    auth.write_text(json.dumps({"auths": {host: {"auth": secret}}}))
    command = ["skopeo", "--insecure-policy", *arguments]
    done = subprocess.run([part.replace("HOST", host) for part in command], text=True,
                          capture_output=True, timeout=120, check=False,
                          env={**os.environ, "REGISTRY_AUTH_FILE": str(auth)})
    assert done.returncode == 0, done.stderr
    return done.stdout


def copy_in(centre, layout, name):
    skopeo(centre, "copy", "--dest-tls-verify=false", f"oci:{layout.folder}:v1",
           f"docker://HOST/{name}")


def copy_out(centre, name, folder):
    skopeo(centre, "copy", "--src-tls-verify=false", f"docker://HOST/{name}", f"oci:{folder}:v1")
    layout = OciLayout.__new__(OciLayout)
    layout.folder = pathlib.Path(folder)
    return layout


@pytest.mark.needs("skopeo")
def test_skopeo_takes_a_hand_made_model_in_and_out(slipway, tmp_path):
    weights = os.urandom(300_000)  # above what the database keeps
    layout = make_model_pack(tmp_path / "in", {"model.onnx": (MODELS / "mlp_a.onnx").read_bytes(),
                                               "data/extra.bin": weights})
    copy_in(slipway, layout, "made:v1")
    out = copy_out(slipway, "made:v1", tmp_path / "out")
    assert out.manifest_digest() == layout.manifest_digest()
    assert out.read(layout.manifest_digest()) == layout.read(layout.manifest_digest())
    assert out.read(digest_of(weights)) == weights
    # What skopeo pushed is a model for everyone else.
    slipway.cli("deploy", "made:v1", "--as", "made")
    slipway.cli("pull", "made:v1", tmp_path / "pulled")
    assert (tmp_path / "pulled/data/extra.bin").read_bytes() == weights


@pytest.mark.needs("skopeo")
def test_skopeo_copies_what_slipway_pushed(slipway, tmp_path):
    slipway.cli("push", MODELS / "linear_a.onnx", "team/linear:v1")
    first = copy_out(slipway, "team/linear:v1", tmp_path / "one")
    digest = first.manifest_digest()
    assert digest in slipway.cli("inspect", "team/linear:v1", "-o", "json").stdout
    copy_in(slipway, first, "team/linear:v2")
    copy_in(slipway, first, "other/copy:v1")  # a project that the push makes
    assert copy_out(slipway, "other/copy:v1", tmp_path / "two").manifest_digest() == digest
    raw = skopeo(slipway, "inspect", "--raw", "--tls-verify=false", "docker://HOST/team/linear:v2")
    assert digest_of(raw.encode()) == digest
    tags = json.loads(skopeo(slipway, "list-tags", "--tls-verify=false",
                             "docker://HOST/team/linear"))
    assert tags["Tags"] == ["v1", "v2"]


def test_the_challenge_and_the_ways_to_answer_it(slipway):
    url = slipway.api_url + "/v2/"
    refused = requests.get(url, timeout=10)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith(
        f'Bearer realm="{slipway.api_url}/token",service="slipway-')
    assert refused.json()["errors"][0]["code"] == "UNAUTHORIZED"
    assert requests.get(url, auth=("anyone", slipway.token), timeout=10).status_code == 200
    assert requests.get(url, headers=slipway.headers, timeout=10).status_code == 200
    assert requests.get(url, auth=("anyone", "wrong"), timeout=10).status_code == 401


class Http:
    """Requests of the admin on one connection."""

    def __init__(self, centre, repository):
        self.session = requests.Session()
        self.session.headers.update(centre.headers)
        self.origin = centre.api_url
        self.base = f"{centre.api_url}/v2/{repository}"

    def begin(self):
        answer = self.session.post(f"{self.base}/blobs/uploads/", timeout=30)
        assert answer.status_code == 202
        return self.origin + answer.headers["Location"]

    def push(self, content):
        digest = digest_of(content)
        answer = self.session.post(f"{self.base}/blobs/uploads/?digest={digest}", data=content,
                                   timeout=60)
        assert answer.status_code == 201, answer.text
        return digest


def test_ranges_and_heads_on_a_real_connection(slipway):
    http = Http(slipway, "default/ranges")
    for size in (2_000, 3_000_000):
        content = os.urandom(size)
        url = f"{http.base}/blobs/{http.push(content)}"
        whole = http.session.get(url, timeout=30)
        assert whole.content == content and whole.headers["Content-Length"] == str(size)
        assert "Content-Encoding" not in whole.headers
        part = http.session.get(url, headers={"Range": "bytes=500-1499"}, timeout=30)
        assert (part.status_code, part.content) == (206, content[500:1500])
        assert part.headers["Content-Range"] == f"bytes 500-1499/{size}"
        assert http.session.get(url, headers={"Range": f"bytes={size}-"},
                                timeout=30).status_code == 416
        head = http.session.head(url, timeout=30)
        assert head.headers["Content-Length"] == str(size) and head.content == b""
    assert http.session.head(f"{http.base}/blobs/{digest_of(b'none')}",
                             timeout=30).status_code == 404


def test_a_manifest_of_four_megabytes(slipway):
    http = Http(slipway, "default/large")
    config = http.push(b"{}")
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "layers": [],
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2},
        "annotations": {f"a{i}": "x" * 10_000 for i in range(390)}}).encode()
    put = http.session.put(f"{http.base}/manifests/v1", data=manifest, timeout=60,
                           headers={"Content-Type": MANIFEST_TYPE})
    assert put.status_code == 201, put.text
    assert http.session.get(f"{http.base}/manifests/v1", timeout=60).content == manifest
    too_large = http.session.put(f"{http.base}/manifests/v1", data=manifest + b" " * 500_000,
                                 timeout=60)
    assert too_large.status_code == 413
    assert too_large.json()["errors"][0]["code"] == "SIZE_INVALID"


def test_an_upload_goes_on_after_the_server_was_killed(slipway):
    http = Http(slipway, "default/resumed")
    content = os.urandom(80 << 20)
    location = http.begin()
    half = 72 << 20  # beyond the first sync
    patched = http.session.patch(location, data=content[:half], timeout=120)
    assert patched.status_code == 202, patched.text
    slipway.kill()
    slipway.start()
    path = location[len(http.origin):]
    http = Http(slipway, "default/resumed")
    status = http.session.get(http.origin + path, timeout=30)
    assert status.status_code == 204, status.text
    had = int(status.headers["Range"].removeprefix("0-")) + 1
    assert had == half
    rest = http.session.patch(http.origin + path, data=content[had:], timeout=120,
                              headers={"Content-Range": f"{had}-{len(content) - 1}"})
    assert rest.status_code == 202, rest.text
    done = http.session.put(f"{http.origin}{path}?digest={digest_of(content)}", timeout=120)
    assert done.status_code == 201, done.text
    assert http.session.get(f"{http.base}/blobs/{digest_of(content)}",
                            timeout=120).content == content


def resident_kib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1))


def test_blobs_are_streamed_in_constant_memory(slipway):
    http = Http(slipway, "default/streamed")
    http.push(os.urandom(1 << 20))
    before = resident_kib(slipway.pid)
    piece = os.urandom(1 << 20)
    count = 256

    def pieces():
        for _ in range(count):
            yield piece

    location = http.begin()
    assert http.session.patch(location, data=pieces(), timeout=300).status_code == 202
    whole = hashlib.sha256()
    for _ in range(count):
        whole.update(piece)
    digest = "sha256:" + whole.hexdigest()
    assert http.session.put(f"{location}?digest={digest}", timeout=300).status_code == 201
    received = hashlib.sha256()
    with http.session.get(f"{http.base}/blobs/{digest}", stream=True, timeout=300) as answer:
        for chunk in answer.iter_content(1 << 20):
            received.update(chunk)
    assert "sha256:" + received.hexdigest() == digest
    assert resident_kib(slipway.pid) - before < 32 << 10, "the server kept the blob in memory"


@pytest.mark.needs("crane")
def test_crane_takes_a_model_out_and_in(slipway, tmp_path):
    slipway.cli("push", MODELS / "linear_a.onnx", "linear:v1")
    host = slipway.api_url.removeprefix("http://")
    home = tmp_path / "crane"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "DOCKER_CONFIG": str(home)}

    def crane(*arguments, stdin=None):
        return subprocess.run([shutil.which("crane"), *arguments], input=stdin, text=True,
                              capture_output=True, timeout=120, check=True, env=environment).stdout

    crane("auth", "login", host, "-u", "any", "--password-stdin", stdin=slipway.token)
    digest = crane("digest", "--insecure", f"{host}/default/linear:v1").strip()
    crane("copy", "--insecure", f"{host}/default/linear:v1", f"{host}/other/linear:v2")
    assert crane("digest", "--insecure", f"{host}/other/linear:v2").strip() == digest
    crane("delete", "--insecure", f"{host}/other/linear@{digest}")
    with pytest.raises(subprocess.CalledProcessError):
        crane("digest", "--insecure", f"{host}/other/linear:v2")
