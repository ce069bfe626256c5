"""Klever's HTTP API: models as zips, whole and in parts; comparisons. With requests and zipfile."""

import base64
import csv
import hashlib
import io
import json
import pathlib
import random
import shutil
import struct
import subprocess
import threading
import zipfile
import zlib

import pytest
import requests

import programs
from test_registry import MODELS, skopeo

ORMB_CONFIG = "application/vnd.caicloud.model.config.v1alpha1+json"
TIMEOUT_S = 120


def zip_of(files, compression=zipfile.ZIP_DEFLATED):
    """A zip of {path: content}, the same whenever it is made."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content, compression)
    return out.getvalue()


def onnx_zip(top="linear"):
    return zip_of({f"{top}/model.onnx": (MODELS / "linear_a.onnx").read_bytes()})


def noise_zip(size, seed=1):
    """A zip that is about as large as what is in it."""
    return zip_of({"noise/weights.bin": random.Random(seed).randbytes(size)},
                  zipfile.ZIP_STORED)


MODEL = {"modelName": "linear", "projectName": "default", "versionName": "v1",
         "description": "a line", "format": "ONNX", "framework": "PyTorch",
         "inputs": [{"name": "x", "size": [-1, 4], "dType": "float32"}],
         "outputs": [{"name": "y", "size": [-1, 2], "dType": "float32"}]}
OTHERS = {"format": "Others", "framework": "by hand"}


class Caller:
    """Klever's routes, asked by the holder of one token (None: by nobody)."""

    def __init__(self, centre, token):
        self.root = centre.api_url + "/api/v1alpha1"
        self.session = requests.Session()
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def url(self, project, model, version, verb):
        return f"{self.root}/projects/{project}/models/{model}/versions/{version}/{verb}"

    def upload(self, content, path=("default", "linear", "v1"), model=None, headers=None,
               span=None, first="model"):
        """POSTs the zip, or the bytes of `span` (first, after) as a chunk."""
        fields = {"model": ("model", json.dumps(MODEL if model is None else model)),
                  "file": ("model.zip", content[slice(*span)] if span else content)}
        headers = dict(headers or {})
        if span:
            headers["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{len(content)}"
        order = sorted(fields, key=lambda name: name != first)
        return self.session.post(self.url(*path, "upload"), headers=headers, timeout=TIMEOUT_S,
                                 files=[(name, fields[name]) for name in order])

    def status(self, path=("default", "linear", "v1")):
        return self.session.get(self.url(*path, "upload"), timeout=TIMEOUT_S)

    def cancel(self, path=("default", "linear", "v1")):
        return self.session.delete(self.url(*path, "upload"), timeout=TIMEOUT_S)

    def download(self, path=("default", "linear", "v1"), method="POST", **options):
        return self.session.request(method, self.url(*path, "download"), timeout=TIMEOUT_S,
                                    **options)


def make_token(centre, name, *arguments):
    return centre.cli("token", "create", name, *arguments).stdout.strip()


def admin(centre):
    return Caller(centre, centre.token)


def reason(answer):
    body = answer.json()
    assert set(body) <= {"message", "reason", "data"} and body["message"], body
    return body["reason"]


def manifest_of(centre, repository, reference):
    answer = requests.get(f"{centre.api_url}/v2/{repository}/manifests/{reference}",
                          headers=centre.headers, timeout=TIMEOUT_S)
    return answer.json() if answer.ok else None


def config_of(centre, repository, reference):
    digest = manifest_of(centre, repository, reference)["config"]["digest"]
    return requests.get(f"{centre.api_url}/v2/{repository}/blobs/{digest}",
                        headers=centre.headers, timeout=TIMEOUT_S).json()


def read_forwards(data):
    """{path: content} as those find it that read from front to back, without the directory."""
    files, at = {}, 0
    while data[at:at + 4] == b"PK\3\4":
        flags, method, _, _, _, _, path_size, extra_size = struct.unpack_from(
            "<HHIIIIHH", data, at + 6)
        assert (flags & 8, method) == (8, zipfile.ZIP_DEFLATED)
        path = data[at + 30:at + 30 + path_size].decode()
        inflater = zlib.decompressobj(-15)
        files[path] = inflater.decompress(data[at + 30 + path_size + extra_size:])
        assert inflater.eof
        at = len(data) - len(inflater.unused_data)
        assert data[at:at + 4] == b"PK\x07\x08"
        assert struct.unpack_from("<I", data, at + 4)[0] == zlib.crc32(files[path])
        at += 16
    assert data[at:at + 4] == b"PK\1\2"
    return files


def read_zip(answer):
    """{path: content} of a download, checked as Python checks it."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert int(answer.headers.get("Content-Length", len(answer.content))) == len(answer.content)
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    files = {name: archive.read(name) for name in archive.namelist()}
    assert read_forwards(answer.content) == files
    return files


# --- upload ---

@pytest.mark.needs("skopeo")
def test_an_upload_is_an_artifact_as_ormb_makes_it(slipway_module, tmp_path):
    centre = slipway_module
    answer = admin(centre).upload(onnx_zip())
    assert (answer.status_code, answer.content) == (201, b"")
    seen = json.loads(skopeo(centre, "inspect", "--raw", "--tls-verify=false",
                             "docker://HOST/default/linear:v1"))
    assert seen["config"]["mediaType"] == ORMB_CONFIG
    assert [layer["mediaType"] for layer in seen["layers"]] == ["application/tar+gzip"]
    config = config_of(centre, "default/linear", "v1")
    assert (config["author"], config["framework"]) == ("admin", "PyTorch")
    assert (config["description"], config["format"]) == ("a line", "ONNX")
    assert config["signature"]["inputs"] == MODEL["inputs"]
    assert config["directoryStructure"] == ["model/model.onnx"]
    shown = centre.cli("inspect", "linear:v1").stdout
    assert "onnx" in shown.lower() and "PyTorch" in shown
    centre.cli("pull", "linear:v1", tmp_path / "pulled")
    pulled = tmp_path / "pulled/model/model.onnx"
    assert pulled.read_bytes() == (MODELS / "linear_a.onnx").read_bytes()


def test_an_upload_can_be_served(slipway):
    assert admin(slipway).upload(onnx_zip()).status_code == 201
    slipway.cli("deploy", "linear:v1")
    answer = requests.get(slipway.inference_url + "/v2/models/linear", timeout=TIMEOUT_S)
    assert answer.json()["inputs"][0]["name"]


def test_metadata_are_lossless(slipway_module):
    model = dict(OTHERS, author="ada", labels={"team": "vision"}, gpuType="",
                 metrics={"training": [{"name": "accuracy", "value": 0.93}]}, house="ours")
    path = ("default", "told", "v1")
    assert admin(slipway_module).upload(noise_zip(10), path, model).status_code == 201
    config = config_of(slipway_module, "default/told", "v1")
    assert (config["author"], config["labels"]) == ("ada", {"team": "vision"})
    assert config["metrics"] == {"training": [{"name": "accuracy", "value": "0.93"}]}
    assert config["house"] == "ours"


@pytest.mark.parametrize("files", [
    {"model.onnx": b"A"}, {"a/model.onnx": b"A", "__MACOSX/a/._model.onnx": b"junk"},
    {"model/model.onnx": b"A"},
    {"a/model.onnx": b"A", "a/.DS_Store": b"junk", ".DS_Store": b"junk", "a/._x": b"junk"}])
def test_a_zip_may_have_no_top_folder_or_that_of_the_finder(slipway_module, files):
    content = (MODELS / "linear_a.onnx").read_bytes()
    zipped = zip_of({path: content if value == b"A" else value for path, value in files.items()})
    path = ("default", "tops", "v1")
    assert admin(slipway_module).upload(zipped, path).status_code == 201
    config = config_of(slipway_module, "default/tops", "v1")
    assert config["directoryStructure"] == ["model/model.onnx"]


def test_hidden_files_and_very_many_are_kept(slipway_module):
    wanted = {f"many/model/chunks/{number}": str(number).encode() for number in range(5000)}
    wanted["many/model/.zarray"] = b"{}"
    files = {path.replace("/model/", "/"): content for path, content in wanted.items()}
    path = ("default", "many", "v1")
    answer = admin(slipway_module).upload(zip_of(files), path, OTHERS)
    assert answer.status_code == 201, answer.text
    found = read_zip(admin(slipway_module).download(path))
    found.pop("many/ormbfile.yaml")
    assert found == wanted


@pytest.mark.parametrize("first", ["model", "file"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_chunks_in_any_order(slipway_module, order, first):
    content = noise_zip(3_000_000)
    ends = [0, 1_000_003, 2_000_000, len(content)]
    path = ("default", f"chunks-{first}-{''.join(map(str, order))}", "v1")
    caller = admin(slipway_module)
    for count, index in enumerate(order):
        span = (ends[index], ends[index + 1])
        answer = caller.upload(content, path, OTHERS, span=span, first=first)
        assert answer.status_code == 201, answer.text
        assert answer.headers["Upload-Complete"] == ("?1" if count == 2 else "?0")
        if count == 1:
            seen = caller.status(path).json()
            assert not seen["complete"] and seen["totalBytes"] == len(content)
            missing = (ends[order[2]], ends[order[2] + 1])
            assert seen["missing"] == [{"first": missing[0], "last": missing[1] - 1}]
    assert reason(caller.status(path)) == "UPLOAD_UNKNOWN"
    files = read_zip(caller.download(path))
    name = path[1]
    assert files[f"{name}/model/weights.bin"] == random.Random(1).randbytes(3_000_000)


def test_an_upload_goes_on_after_the_server_was_killed(slipway):
    content, half = noise_zip(2_000_000), 1_000_000
    path = ("default", "resumed", "v1")
    assert admin(slipway).upload(content, path, OTHERS, span=(half, len(content))).ok
    slipway.kill()
    slipway.start()
    caller = admin(slipway)
    head = caller.session.head(caller.url(*path, "upload"), timeout=TIMEOUT_S)
    assert (head.status_code, head.headers["Upload-Offset"]) == (200, "0")
    seen = caller.status(path)
    assert seen.headers["Range"] == f"bytes={half}-{len(content) - 1}"
    assert seen.json()["receivedBytes"] == len(content) - half
    checksum = {"X-Checksum-Sha256": hashlib.sha256(content).hexdigest()}
    answer = caller.upload(content, path, OTHERS, checksum, span=(0, half))
    assert (answer.status_code, answer.headers["Upload-Complete"]) == (201, "?1")
    assert manifest_of(slipway, "default/resumed", "v1")
    assert not list((slipway.data / "klever/uploads").iterdir())
    assert not list((slipway.data / "klever/work").iterdir())


def test_what_came_before_a_connection_broke_is_there(slipway_module):
    content = noise_zip(6_000_000)
    path = ("default", "broken", "v1")
    caller = admin(slipway_module)
    sent = 3_000_000

    def body():
        yield (b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
               + content[:sent])
        raise OSError("the network is gone")

    with pytest.raises(Exception, match="the network is gone"):
        caller.session.post(caller.url(*path, "upload"), data=body(), timeout=TIMEOUT_S, headers={
            "Content-Type": "multipart/form-data; boundary=B",
            "Content-Range": f"bytes 0-{len(content) - 1}/{len(content)}"})
    seen = programs.wait_until(
        lambda: (caller.status(path).json() if caller.status(path).ok else {}).get("ranges"),
        "the bytes that came")
    there = seen[0]["last"] + 1
    assert seen[0]["first"] == 0 and sent - 100 <= there <= sent
    answer = caller.upload(content, path, OTHERS, span=(there, len(content)))
    assert answer.headers["Upload-Complete"] == "?1", answer.text


def test_uploads_of_one_version_do_not_mix(slipway_module):
    centre, content = slipway_module, noise_zip(1_000_000)
    path = ("default", "mixed", "v1")
    caller = admin(centre)
    ada = Caller(centre, make_token(centre, "mixed-ada", "--project", "default",
                                    "--role", "editor"))
    half = 500_000
    assert ada.upload(content, path, OTHERS, span=(0, half)).ok
    for conflicting in (
            caller.upload(content, path, OTHERS, span=(half, len(content))),  # another subject
            ada.upload(content + b"x", path, OTHERS, span=(half, len(content))),  # another total
            ada.upload(content, path, dict(OTHERS, framework="x"), span=(half, half + 10)),
            ada.upload(bytes(len(content)), path, OTHERS, span=(half - 10, half + 10))):
        assert (conflicting.status_code, reason(conflicting)) == (409, "UPLOAD_CONFLICT")
    assert caller.status(path).status_code == 409
    assert ada.status(path).json()["receivedBytes"] == half
    # The same bytes again are no conflict.
    assert ada.upload(content, path, OTHERS, span=(10, half)).ok
    done = ada.upload(content, path, OTHERS, span=(half, len(content)))
    assert done.headers["Upload-Complete"] == "?1"
    # An administrator of the project may cancel what another left.
    assert ada.upload(content, path, OTHERS, span=(0, half)).ok
    assert caller.cancel(path).status_code == 204
    assert reason(ada.status(path)) == "UPLOAD_UNKNOWN"


def test_one_editor_leaves_room_for_others(slipway):
    eve, ada = (Caller(slipway, make_token(slipway, name, "--project", "default",
                                           "--role", "editor")) for name in ("eve", "ada"))
    content = noise_zip(1000)
    for number in range(64):
        answer = eve.upload(content, ("default", "slots", f"v{number}"), OTHERS, span=(0, 1))
        assert answer.status_code == 201, answer.text
    full = eve.upload(content, ("default", "slots", "more"), OTHERS, span=(0, 1))
    assert (full.status_code, reason(full)) == (429, "UPLOADS_OF_SUBJECT")
    assert "DELETE" in full.json()["message"]
    assert "default/slots:v" in full.json()["data"]["uploads"]
    assert ada.upload(content, ("default", "slots", "ada"), OTHERS, span=(0, 1)).ok
    # What is whole needs no slot, and what is under way goes on.
    assert eve.upload(content, ("default", "slots", "whole"), OTHERS).status_code == 201
    assert eve.upload(content, ("default", "slots", "v7"), OTHERS, span=(1, 2)).ok
    assert eve.cancel(("default", "slots", "v7")).status_code == 204
    assert eve.upload(content, ("default", "slots", "more"), OTHERS, span=(0, 1)).ok


def test_many_at_once_lose_nothing(slipway_module):
    content, parts = noise_zip(4_000_000), 16
    path = ("default", "parallel", "v1")
    step = -(-len(content) // parts)
    spans = [(at, min(at + step, len(content))) for at in range(0, len(content), step)]
    answers = []

    def send(span):
        answers.append(admin(slipway_module).upload(content, path, OTHERS, span=span))

    threads = [threading.Thread(target=send, args=(span,)) for span in spans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * parts
    assert [answer.headers["Upload-Complete"] for answer in answers].count("?1") == 1
    files = read_zip(admin(slipway_module).download(path))
    assert files["parallel/model/weights.bin"] == random.Random(1).randbytes(4_000_000)


def sha256_field(content):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


@pytest.mark.parametrize("header", ["Repr-Digest", "Digest", "X-Checksum-Sha256"])
def test_checksums(slipway_module, header):
    caller, content = admin(slipway_module), noise_zip(1000)
    path = ("default", "summed-" + header.lower(), "v1")

    def stated(data):
        return {header: hashlib.sha256(data).hexdigest() if header.startswith("X")
                else sha256_field(data)}

    wrong = caller.upload(content, path, OTHERS, stated(b"else"))
    assert (wrong.status_code, reason(wrong)) == (400, "CHECKSUM_MISMATCH")
    wrong = caller.upload(content, path, OTHERS, {header: "sha-256=:x:"})
    assert (wrong.status_code, reason(wrong)) == (400, "CHECKSUM_INVALID")
    assert manifest_of(slipway_module, "/".join(path[:2]), "v1") is None
    assert caller.upload(content, path, OTHERS, stated(content)).status_code == 201


def test_a_chunk_with_a_wrong_checksum_is_not_kept(slipway_module):
    caller, content = admin(slipway_module), noise_zip(1000)
    path = ("default", "chunk-summed", "v1")
    wrong = caller.upload(content, path, OTHERS, {"Content-Digest": sha256_field(b"else")},
                          span=(0, 500))
    assert (wrong.status_code, reason(wrong)) == (400, "CHECKSUM_MISMATCH")
    assert reason(caller.status(path)) == "UPLOAD_UNKNOWN"


def test_a_complete_upload_with_wrong_words_takes_others(slipway_module):
    caller, content = admin(slipway_module), noise_zip(1000)
    path = ("default", "words", "v1")
    wrong = caller.upload(content, path, {"format": "ONNX"}, span=(0, len(content)))
    assert (wrong.status_code, reason(wrong)) == (400, "ORMB_LAYOUT")
    assert caller.status(path).json()["complete"]
    answer = caller.upload(content, path, OTHERS, span=(0, 10))
    assert answer.headers["Upload-Complete"] == "?1", answer.text


HOSTILE = {
    "escapes": ({"../../evil": b"x"}, "PATH_INVALID"),
    "absolute": ({"/etc/evil": b"x"}, "PATH_INVALID"),
    "collides": ({"a/x": b"1", "a/X": b"2"}, "ENTRY_REFUSED"),
    "explodes": ({"a/zeros": bytes(400 << 20)}, "ARCHIVE_TOO_LARGE"),
    "empty": ({}, "PACKAGE_EMPTY"),
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("in_chunks", [False, True])
def test_hostile_zips_leave_nothing(slipway_module, what, in_chunks):
    files, wanted = HOSTILE[what]
    content = zip_of(files)
    caller, path = admin(slipway_module), ("default", "hostile", what)
    span = (0, len(content)) if in_chunks else None
    answer = caller.upload(content, path, OTHERS, span=span)
    assert (answer.status_code, reason(answer)) == (400, wanted)
    assert manifest_of(slipway_module, "default/hostile", what) is None
    assert not (slipway_module.data.parent / "evil").exists()
    caller.cancel(path)
    assert not list((slipway_module.data / "klever/work").iterdir())


def test_a_zip_with_a_link_is_refused(slipway_module):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("a/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    answer = admin(slipway_module).upload(out.getvalue(), ("default", "hostile", "link"), OTHERS)
    assert (answer.status_code, reason(answer)) == (400, "ENTRY_REFUSED")
    assert "a/link" in answer.json()["message"]


BAD = [
    ({"headers": {"Content-Range": "bytes 0-9"}}, 400, "CONTENT_RANGE_INVALID"),
    ({"headers": {"Content-Range": "bytes 5-4/10"}}, 400, "CONTENT_RANGE_INVALID"),
    ({"headers": {"Content-Range": "bytes 0-99999999999999999999/10"}}, 400,
     "CONTENT_RANGE_INVALID"),
    ({"headers": {"Content-Range": f"bytes 0-9/{1 << 60}"}}, 413, "UPLOAD_TOO_LARGE"),
    ({"headers": {"Content-Range": "bytes 0-9/10"}}, 400, "SIZE_INVALID"),
    ({"headers": {"Content-Range": "bytes 0-9999999/10000000"}}, 400, "SIZE_INVALID"),
    ({"files": [("file", b"no zip")]}, 400, "NOT_A_ZIP"),
    ({"files": [("model", json.dumps(OTHERS))]}, 400, "FORM_INVALID"),
    ({"files": [("fil", b"x")]}, 400, "FORM_INVALID"),
    ({"files": [("model", "{"), ("file", b"x")]}, 400, "METADATA_INVALID"),
    ({"files": [("model", "[]"), ("file", b"x")]}, 400, "METADATA_INVALID"),
    ({"files": [("model", '{"inputs":[{"size":"x"}]}'), ("file", b"x")]}, 400,
     "METADATA_INVALID"),
    ({"files": [("model", '{"format":"onnx"}'), ("file", None)]}, 400, "ORMB_FORMAT"),
    ({"data": b"{}", "files": None, "headers": {"Content-Type": "application/json"}}, 415,
     "MULTIPART_TYPE"),
    ({"data": b"--A\r\n", "files": None,
      "headers": {"Content-Type": "multipart/form-data; boundary=B"}}, 400, "MULTIPART_INVALID"),
]


@pytest.mark.parametrize("case", range(len(BAD)))
def test_bad_requests_say_what_is_wrong(slipway_module, case):
    options, status, wanted = BAD[case]
    content = noise_zip(1000)
    options = {"files": [("file", content)], **options}
    if options["files"]:
        options["files"] = [(name, (name, content if value is None else value))
                            for name, value in options["files"]]
    caller = admin(slipway_module)
    url = caller.url("default", "bad", "v1", "upload")
    answer = caller.session.post(url, timeout=TIMEOUT_S, **options)
    assert (answer.status_code, reason(answer)) == (status, wanted), answer.text
    assert reason(caller.status(("default", "bad", "v1"))) == "UPLOAD_UNKNOWN"


@pytest.mark.parametrize("path", [("default", "A b", "v1"), ("default", "a", "b/c"),
                                  ("default", "a", ".v1"), ("default", "a//b", "v1")])
def test_names_that_cannot_be(slipway_module, path):
    quoted = [requests.utils.quote(part, safe="") for part in path]
    answer = admin(slipway_module).upload(noise_zip(10), quoted, OTHERS)
    assert answer.status_code == 400, answer.text


def test_who_may_upload_and_download(slipway_module):
    centre = slipway_module
    centre.cli("push", MODELS / "linear_a.onnx", "other/linear:v1")
    tokens = {"viewer": make_token(centre, "k-viewer", "--project", "default", "--role", "viewer"),
              "editor": make_token(centre, "k-editor", "--project", "default", "--role", "editor"),
              "stranger": make_token(centre, "k-stranger", "--project", "other",
                                     "--role", "admin"),
              "admin": centre.token, "nobody": None, "wrong": "slw_" + "0" * 12 + "_" + "a" * 52}
    path = ("default", "guarded", "v1")
    uploads = {"nobody": 401, "wrong": 401, "viewer": 403, "stranger": 403, "editor": 201,
               "admin": 201}
    for who, status in uploads.items():
        answer = Caller(centre, tokens[who]).upload(noise_zip(10), path, OTHERS)
        assert answer.status_code == status, (who, answer.text)
        if status in (401, 403):
            assert reason(answer)
    downloads = {"nobody": 401, "wrong": 401, "stranger": 403, "viewer": 200, "editor": 200,
                 "admin": 200}
    for who, status in downloads.items():
        for method in ("GET", "POST"):
            answer = Caller(centre, tokens[who]).download(path, method)
            assert answer.status_code == status, (who, answer.text)
    assert config_of(centre, "default/guarded", "v1")["author"] == "admin"
    # Only who may make projects makes one by uploading.
    missing = ("unheard", "of", "v1")
    assert Caller(centre, tokens["editor"]).upload(noise_zip(10), missing,
                                                   OTHERS).status_code == 403
    assert Caller(centre, tokens["admin"]).upload(noise_zip(10), missing,
                                                  OTHERS).status_code == 201


# --- download ---

def test_a_download_of_each_form(slipway_module, tmp_path):
    centre, caller = slipway_module, admin(slipway_module)
    folder = tmp_path / "package"
    folder.mkdir()
    shutil.copy(MODELS / "linear_a.onnx", folder / "linear.onnx")
    (folder / "ümlaut ☃.txt").write_text("text")
    centre.cli("push", folder, "team/vision/pack:v1")
    files = read_zip(caller.download(("team", "vision%2Fpack", "v1")))
    assert sorted(files) == ["pack/model/linear.onnx", "pack/model/ümlaut ☃.txt",
                             "pack/ormbfile.yaml"]
    assert files["pack/model/linear.onnx"] == (MODELS / "linear_a.onnx").read_bytes()
    assert b"format: ONNX" in files["pack/ormbfile.yaml"]
    assert caller.upload(onnx_zip(), ("default", "forms", "v1")).ok
    answer = caller.download(("default", "forms", "v1"), json={"modelName": "else"})
    files = read_zip(answer)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="v1.zip"'
    assert sorted(files) == ["forms/model/model.onnx", "forms/ormbfile.yaml"]
    by_digest = caller.download(("default", "forms", answer.headers["Docker-Content-Digest"]))
    assert by_digest.content == answer.content


def test_what_was_downloaded_can_be_uploaded_again(slipway_module):
    caller = admin(slipway_module)
    model = dict(MODEL, labels={"a": "b"}, hyperParameters=[{"name": "rate", "value": "0.1"}])
    assert caller.upload(onnx_zip(), ("default", "round", "v1"), model).ok
    zipped = caller.download(("default", "round", "v1"))
    assert caller.upload(zipped.content, ("default", "round", "v2"), {}).status_code == 201
    one, two = (manifest_of(slipway_module, "default/round", tag) for tag in ("v1", "v2"))
    assert one == two


def push_noise(centre, folder, name, files):
    """Pushes files of noise; the size of all of them."""
    folder.mkdir()
    for number, (path, size) in enumerate(files.items()):
        (folder / path).write_bytes(random.Random(number).randbytes(size))
    centre.cli("push", folder, name)
    return sum(files.values())


def test_a_download_goes_on_where_it_was_cut(slipway, tmp_path):
    push_noise(slipway, tmp_path / "files", "default/plain:v1",
               {"a.bin": 3_000_000, "b.bin": 10, "c.bin": 2_000_000})
    caller = admin(slipway)
    assert caller.upload(noise_zip(5_000_000), ("default", "packed", "v1"), OTHERS).ok
    for name in ("plain", "packed"):
        path = ("default", name, "v1")
        whole = caller.download(path, "GET")
        read_zip(whole)
        tag = whole.headers["ETag"]
        assert tag.startswith('"') and whole.headers["Accept-Ranges"] == "bytes"
        assert caller.download(path).headers["ETag"] == tag
        # Sizes of plain files are known at once, those in archives once they were unpacked.
        again = caller.download(path)
        assert int(again.headers["Content-Length"]) == len(whole.content)
        assert again.content == whole.content
        slipway.kill()
        slipway.start()
        caller = admin(slipway)
        middle = len(whole.content) * 3 // 5
        for span, expected in ((f"{middle}-", whole.content[middle:]),
                               (f"{middle}-{middle + 99}", whole.content[middle:middle + 100]),
                               ("-70", whole.content[-70:]), ("0-0", whole.content[:1])):
            part = caller.download(path, "GET", headers={"Range": f"bytes={span}",
                                                         "If-Range": tag})
            assert (part.status_code, part.content == expected) == (206, True), span
            assert part.headers["Content-Range"].endswith(f"/{len(whole.content)}")
            assert part.headers["ETag"] == tag
            assert int(part.headers["Content-Length"]) == len(expected)
        for headers in ({"Range": "bytes=5-", "If-Range": '"another"'}, {"Range": "lines=5-"}):
            full = caller.download(path, "GET", headers=headers)
            assert full.status_code == 200 and full.content == whole.content
        beyond = caller.download(path, "GET", headers={"Range": f"bytes={len(whole.content)}-"})
        assert (beyond.status_code, reason(beyond)) == (416, "DOWNLOAD_RANGE")
        assert beyond.headers["Content-Range"] == f"bytes */{len(whole.content)}"
        # Ranges are of GET alone.
        assert caller.download(path, headers={"Range": "bytes=5-"}).content == whole.content
        head = caller.download(path, "HEAD")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["ETag"] == tag


@pytest.mark.needs("curl")
def test_curl_goes_on_with_a_download(slipway_module, tmp_path):
    centre, target = slipway_module, tmp_path / "v1.zip"
    push_noise(centre, tmp_path / "files", "default/curled:v1", {"a.bin": 3_000_000, "b": 100})
    caller, path = admin(centre), ("default", "curled", "v1")
    whole = caller.download(path, "GET").content
    target.write_bytes(whole[:1_234_567])
    subprocess.run(["curl", "-sS", "--fail", "-u", f"any:{centre.token}", "-C", "-", "-o", target,
                    caller.url(*path, "download")], check=True, timeout=TIMEOUT_S)
    assert target.read_bytes() == whole


def test_anybody_downloads_from_a_project_that_lets_him(slipway_module):
    centre, nobody = slipway_module, Caller(slipway_module, None)
    path = ("open-to-all", "linear", "v1")
    assert admin(centre).upload(onnx_zip(), path).ok
    for method in ("GET", "POST"):
        closed = nobody.download(path, method)
        assert (closed.status_code, reason(closed)) == (401, "TOKEN_MISSING")
        assert closed.headers["WWW-Authenticate"].startswith("Basic")
    requests.patch(f"{centre.api_url}/api/v1/projects/open-to-all", timeout=TIMEOUT_S,
                   headers={**centre.headers, "Content-Type": "application/merge-patch+json"},
                   json={"spec": {"registry": {"anonymousPull": True}}}).raise_for_status()
    programs.wait_until(lambda: nobody.download(path, "GET").status_code == 200,
                        "a project that is open")
    assert "linear/model/model.onnx" in read_zip(nobody.download(path))
    stranger = Caller(centre, make_token(centre, "open-stranger", "--project", "default",
                                         "--role", "viewer"))
    assert stranger.download(path).status_code == 200
    # Nothing else is open, and a token that is none is no way in.
    assert nobody.upload(onnx_zip(), path).status_code == 401
    assert nobody.status(path).status_code == 401
    assert Caller(centre, "slw_" + "0" * 12 + "_" + "a" * 52).download(path).status_code == 401
    assert nobody.download(("default", "linear", "v1")).status_code == 401


@pytest.mark.needs("unzip")
def test_unzip_reads_a_download(slipway_module, tmp_path):
    caller = admin(slipway_module)
    assert caller.upload(onnx_zip(), ("default", "unzipped", "v1")).ok
    target = tmp_path / "v1.zip"
    target.write_bytes(caller.download(("default", "unzipped", "v1")).content)
    subprocess.run(["unzip", "-tq", target], check=True, timeout=TIMEOUT_S)


def test_nothing_to_download(slipway_module):
    caller = admin(slipway_module)
    missing = caller.download(("default", "linear-not", "v1"))
    assert (missing.status_code, reason(missing)) == (404, "MANIFEST_UNKNOWN")
    centre = slipway_module
    empty = b"{}"
    digest = "sha256:" + hashlib.sha256(empty).hexdigest()
    requests.post(f"{centre.api_url}/v2/default/image/blobs/uploads/?digest={digest}", data=empty,
                  headers=centre.headers, timeout=TIMEOUT_S).raise_for_status()
    requests.put(f"{centre.api_url}/v2/default/image/manifests/v1", timeout=TIMEOUT_S,
                 headers={**centre.headers,
                          "Content-Type": "application/vnd.oci.image.manifest.v1+json"},
                 data=json.dumps({"schemaVersion": 2, "layers": [], "config": {
                     "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest,
                     "size": 2}})).raise_for_status()
    image = caller.download(("default", "image", "v1"))
    assert (image.status_code, reason(image)) == (404, "MODEL_UNKNOWN")


def resident_kib(pid, field="VmHWM"):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field))


def test_a_large_model_needs_no_large_memory(slipway, tmp_path):
    size, seed = 300 << 20, random.Random(5)
    source = tmp_path / "large.zip"
    hasher = hashlib.sha256()
    with zipfile.ZipFile(source, "w", zipfile.ZIP_STORED) as archive:
        with archive.open("large/weights.bin", "w", force_zip64=True) as out:
            for _ in range(size >> 20):
                piece = seed.randbytes(1 << 20)
                hasher.update(piece)
                out.write(piece)
    caller, path = admin(slipway), ("default", "large", "v1")
    assert caller.upload(onnx_zip(), ("default", "small", "v1")).ok  # what is lazily made is there
    before = resident_kib(slipway.pid, "RssAnon")

    def form():
        yield (b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\n'
               + json.dumps(OTHERS).encode()
               + b'\r\n--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n')
        with open(source, "rb") as zipped:
            while piece := zipped.read(1 << 20):
                yield piece
        yield b"\r\n--B--\r\n"

    answer = caller.session.post(caller.url(*path, "upload"), data=form(), timeout=600,
                                 headers={"Content-Type": "multipart/form-data; boundary=B"})
    assert answer.status_code == 201, answer.text
    after_upload = resident_kib(slipway.pid, "RssAnon")
    found = hashlib.sha256()
    with caller.download(path, stream=True) as answer:
        target = tmp_path / "down.zip"
        with open(target, "wb") as out:
            for piece in answer.iter_content(1 << 20):
                out.write(piece)
    with zipfile.ZipFile(target) as archive, archive.open("large/model/weights.bin") as weights:
        while piece := weights.read(1 << 20):
            found.update(piece)
    assert found.hexdigest() == hasher.hexdigest()
    after = resident_kib(slipway.pid, "RssAnon")
    assert after_upload - before < 32 << 10 and after - before < 32 << 10
    assert resident_kib(slipway.pid) < 250 << 10  # the most that it ever had


# --- comparisons ---

def test_models_side_by_side(slipway_module):
    caller, centre = admin(slipway_module), slipway_module
    assert caller.upload(onnx_zip(), ("default", "left", "v1"), dict(MODEL, author="=cmd()")).ok
    centre.cli("push", MODELS / "linear_a.onnx", "team/right:v1")
    wanted = {"models": [{"name": "left", "project": "default", "tag": "v1"},
                         {"name": "right", "project": "team", "tag": "v1"}]}
    programs.wait_until(lambda: caller.session.post(
        caller.root + "/comparisons", json=wanted, timeout=TIMEOUT_S).json()["items"][1]
        ["metadata"].get("signature"), "the signature that is read out of the file")
    for method in ("GET", "POST"):
        answer = caller.session.request(method, caller.root + "/comparisons", json=wanted,
                                        timeout=TIMEOUT_S).json()
        assert answer["metadata"] == {"totalItems": 2}
        left, right = answer["items"]
        assert (left["path"], right["path"]) == ("default/left:v1", "team/right:v1")
        assert left["metadata"]["signature"]["inputs"] == MODEL["inputs"]
        assert right["metadata"]["format"] == "ONNX"
        assert right["metadata"]["signature"]["inputs"][0]["dType"] == "float32"
    page = caller.session.get(caller.root + "/comparisons?start=1&limit=5", json=wanted,
                              timeout=TIMEOUT_S).json()
    assert [item["path"] for item in page["items"]] == ["team/right:v1"]
    document = caller.session.get(caller.root + "/comparativedocument", json=wanted,
                                  timeout=TIMEOUT_S)
    assert document.content.startswith(b"\xef\xbb\xbf")
    name = document.headers["Content-Disposition"].split('"')[1]
    assert name.removesuffix(".csv").isdecimal()
    rows = list(csv.reader(io.StringIO(document.content.decode("utf-8-sig"))))
    assert [row[0] for row in rows] == ["Basic Info", "Model Name", "Model Source",
                                        "Model Framework", "Model Format", "Model Inputs",
                                        "Model Outputs"]
    assert rows[1][1:] == ["default/left:v1", "team/right:v1"]
    assert rows[2][1] == "'=cmd()"
    assert json.loads(rows[5][1]) == MODEL["inputs"]


def test_comparisons_that_cannot_be(slipway_module):
    centre, caller = slipway_module, admin(slipway_module)
    ask = {"models": [{"name": "gone", "project": "default", "tag": "v1"}]}
    url = caller.root + "/comparisons"
    missing = caller.session.post(url, json=ask, timeout=TIMEOUT_S)
    assert (missing.status_code, missing.json()["data"]["field"]) == (404, "models[0]")
    stranger = Caller(centre, make_token(centre, "c-stranger", "--project", "default",
                                         "--role", "viewer"))
    centre.cli("push", MODELS / "linear_a.onnx", "closed/linear:v1")
    closed = {"models": [{"name": "linear", "project": "closed", "tag": "v1"}]}
    assert stranger.session.post(url, json=closed, timeout=TIMEOUT_S).status_code == 403
    assert Caller(centre, None).session.post(url, json=closed, timeout=TIMEOUT_S).status_code == 401
    for body, query in (({"models": []}, ""), ({}, ""), (ask, "?start=-1"), (ask, "?limit=x")):
        bad = caller.session.post(url + query, json=body, timeout=TIMEOUT_S)
        assert bad.status_code == 400, bad.text


@pytest.mark.parametrize("route,word", [("namespaces/default/modeljobs", "slipway inspect"),
                                        ("namespaces/default/servings/a", "slipway deploy"),
                                        ("namespaces/default/pods", "slipway logs")])
def test_routes_that_are_elsewhere_say_where(slipway_module, route, word):
    caller = admin(slipway_module)
    answer = caller.session.get(f"{caller.root}/{route}", timeout=TIMEOUT_S)
    assert (answer.status_code, reason(answer)) == (501, "KLEVER_ROUTE")
    assert word in answer.json()["message"]
    unknown = caller.session.get(f"{caller.root}/else", timeout=TIMEOUT_S)
    assert (unknown.status_code, reason(unknown)) == (404, "ROUTE_UNKNOWN")
