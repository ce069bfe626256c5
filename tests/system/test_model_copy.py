"""`slipway model copy` between registries of several makes: every digest stays what it was."""

import json
import os
import subprocess

import pytest

import other_tools
import peers
import programs
from other_tools import MANIFEST_TYPE, Pusher, digest_of

MODELS = programs.ROOT / "tests/fixtures/models"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
DOCKER_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
PEERS = [pytest.param("docker-registry", marks=pytest.mark.needs("docker-registry")),
         pytest.param("registry", marks=pytest.mark.needs("registry"))]
USAGE, MISSING, NOT_ALLOWED, STATE = 2, 3, 5, 6


@pytest.fixture(scope="module")
def centre(slipway_module):
    return slipway_module


class Open:
    """A registry that asks nobody who they are, for Pusher."""
    headers = {}

    def __init__(self, host):
        self.api_url = f"http://{host}"


@pytest.fixture(params=PEERS)
def peer(request, tmp_path):
    with peers.DistributionRegistry(request.param, tmp_path / "peer") as registry:
        yield registry


def host_of(centre):
    return centre.api_url.removeprefix("http://")


def copy(centre, source, target, *options):
    done = centre.cli("model", "copy", source, target, "-o", "json", *options)
    return json.loads(done.stdout)


def fetch(registry, repository, reference):
    """The manifest's answer: bytes and type."""
    return Pusher(registry, repository).session.get(
        f"{registry.api_url}/v2/{repository}/manifests/{reference}",
        headers={"Accept": f"{MANIFEST_TYPE}, {INDEX_TYPE}, {DOCKER_TYPE}"}, timeout=30)


def same_manifest(one, other):
    """Both are there with the same bytes under the same type."""
    first, second = fetch(*one), fetch(*other)
    assert (first.status_code, second.status_code) == (200, 200), (first.text, second.text)
    assert first.content == second.content
    assert first.headers["Content-Type"] == second.headers["Content-Type"]
    return json.loads(first.content)


def put(pusher, manifest, media_type, reference=None, indent=2):
    """Pushes a manifest as it is written, under its digest or a tag; returns its descriptor."""
    content = json.dumps(manifest, indent=indent).encode()
    done = pusher.session.put(f"{pusher.url}/manifests/{reference or digest_of(content)}",
                              data=content, headers={"Content-Type": media_type})
    assert done.status_code == 201, done.text
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def push_image(pusher, media_type=MANIFEST_TYPE, reference=None, content=None, **members):
    """A small image, with more members if they are given."""
    return put(pusher, {
        "schemaVersion": 2, "mediaType": media_type,
        "config": pusher.blob(b'{"os": "linux"}', "application/vnd.oci.image.config.v1+json"),
        "layers": [pusher.blob(content or os.urandom(3000), "application/octet-stream")],
        **members}, media_type, reference)


def test_a_model_there_and_back(centre, peer):
    pushed = json.loads(centre.cli("push", MODELS / "mlp_a.onnx", "there:v1", "-o", "json").stdout)
    went = copy(centre, "there:v1", f"{peer.host}/models/mlp")
    assert went["reference"] == f"{peer.host}/models/mlp:v1"
    assert went["digest"] == pushed["digest"] and went["changed"]
    assert went["blobs"] == {"there": 0, "mounted": 0, "sent": 2}
    came = copy(centre, f"{peer.host}/models/mlp@{pushed['digest']}", "back/again:v2")
    assert came["digest"] == pushed["digest"]
    same_manifest((centre, "default/there", "v1"), (centre, "back/again", "v2"))
    assert copy(centre, "there:v1", f"{peer.host}/models/mlp") == {
        **went, "changed": False, "manifests": 0, "sentBytes": 0,
        "blobs": {"there": 2, "mounted": 0, "sent": 0}}
    words = centre.cli("model", "copy", "there:v1", f"{peer.host}/models/mlp").stdout
    assert words == (f"{peer.host}/models/mlp:v1 is {pushed['digest'][:19]} already; "
                     "nothing changed\n")


def test_an_index_and_docker_s_format(centre, peer):
    source = Pusher(centre, "team/multi")
    children = [push_image(source), push_image(source, DOCKER_TYPE)]
    put(source, {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": children},
        INDEX_TYPE, "v1", indent=5)
    assert copy(centre, "team/multi:v1", f"{peer.host}/multi")["manifests"] == 3
    copy(centre, f"{peer.host}/multi:v1", "team/multi-back:v1")
    for place in ((Open(peer.host), "multi"), (centre, "team/multi-back")):
        index = same_manifest((centre, "team/multi", "v1"), (*place, "v1"))
        for child in index["manifests"]:
            same_manifest((centre, "team/multi", child["digest"]), (*place, child["digest"]))


def test_within_a_registry_nothing_is_sent(centre):
    pusher = Pusher(centre, "team/mine")
    push_image(pusher, reference="v1")
    done = copy(centre, "team/mine:v1", "other/yours:v7")
    assert done["blobs"] == {"there": 0, "mounted": 2, "sent": 0} and done["sentBytes"] == 0
    same_manifest((centre, "team/mine", "v1"), (centre, "other/yours", "v7"))
    again = copy(centre, "team/mine:v1", "team/mine:v2")
    assert again["blobs"] == {"there": 2, "mounted": 0, "sent": 0} and again["changed"]


def test_between_two_control_centres_with_a_sign_in(centre, start_centre):
    other = start_centre()
    content = os.urandom(9_000_000)  # in a session
    push_image(Pusher(centre, "team/large"), reference="v1", content=content)
    refused = centre.cli("model", "copy", "team/large:v1", f"{host_of(other)}/team/large",
                         check=False)
    assert refused.returncode == NOT_ALLOWED
    assert "target: " in refused.stderr and f"slipway login {host_of(other)}" in refused.stderr
    centre.cli("login", host_of(other), "-u", "any", "--password-stdin", stdin=other.token)
    copy(centre, "team/large:v1", f"{host_of(other)}/team/large")
    manifest = same_manifest((centre, "team/large", "v1"), (other, "team/large", "v1"))
    layer = Pusher(other, "team/large")
    assert layer.session.get(
        f"{layer.url}/blobs/{manifest['layers'][0]['digest']}").content == content


def push_referrers(centre, repository):
    """An image, what refers to it, and a tag of cosign's; returns their digests."""
    pusher = Pusher(centre, repository)
    image = push_image(pusher, reference="v1")
    one = push_image(pusher, artifactType="application/vnd.test.one", subject=image)
    two = push_image(pusher, artifactType="application/vnd.test.two", subject=one)
    tag = image["digest"].replace(":", "-") + ".sig"
    push_image(pusher, reference=tag)
    return image["digest"], one["digest"], two["digest"], tag


def test_referrers_come_along(centre, peer):
    mine, back = f"{peer.program}/signed", f"{peer.program}/back"
    image, one, two, tag = push_referrers(centre, mine)
    assert copy(centre, f"{mine}:v1", f"{peer.host}/signed")["referrers"] == 0
    assert copy(centre, f"{mine}:v1", f"{peer.host}/signed", "--referrers")["referrers"] == 3
    there = Open(peer.host)
    same_manifest((centre, mine, tag), (there, "signed", tag))
    # Neither of them keeps a list of referrers: it is under the tag of the specification.
    index = fetch(there, "signed", image.replace(":", "-")).json()
    assert [(entry["digest"], entry["artifactType"]) for entry in index["manifests"]] == [
        (one, "application/vnd.test.one")]
    # And back to a registry that does.
    assert copy(centre, f"{peer.host}/signed:v1", back, "--referrers")[
        "referrers"] == 3
    pusher = Pusher(centre, back)
    for subject, referrer in ((image, one), (one, two)):
        listed = pusher.session.get(f"{pusher.url}/referrers/{subject}").json()["manifests"]
        assert [entry["digest"] for entry in listed] == [referrer]
    tags = pusher.session.get(f"{pusher.url}/tags/list").json()["tags"]
    assert sorted(tags) == [tag, "v1"]


def test_what_cannot_be_copied_is_told(centre, peer):
    push_image(Pusher(centre, "team/plain"), reference="v1")
    for source, target, code, words in [
            ("team/plain:none", f"{peer.host}/x", MISSING, "source: "),
            (f"{peer.host}/none:v1", "team/x", MISSING, "source: "),
            ("team/plain", f"{peer.host}/x", USAGE, "the tag is missing"),
            ("team/plain:v1", f"{peer.host}/x@sha256:{'1' * 64}", USAGE, "digest of its source"),
            ("team/plain:v1", f"{peer.host}/UPPER:v1", USAGE, "UPPER")]:
        done = centre.cli("model", "copy", source, target, check=False)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert words in done.stderr


def test_signatures_of_the_target_are_kept(centre, peer):
    *_, tag = push_referrers(centre, f"{peer.program}/both")
    there = Pusher(Open(peer.host), "both")
    mine = push_image(there, reference=tag)
    done = centre.cli("model", "copy", f"{peer.program}/both:v1", f"{peer.host}/both",
                      "--referrers", check=False)
    assert done.returncode == STATE and tag in done.stderr
    assert digest_of(fetch(Open(peer.host), "both", tag).content) == mine["digest"]


def peak_kib(centre, *arguments):
    """Runs the command line; returns the most memory that it held."""
    with subprocess.Popen([str(centre.binary), *arguments], env=centre.environment,
                          stdout=subprocess.DEVNULL, cwd=centre.folder) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


@pytest.mark.needs("registry")
def test_memory_does_not_grow_with_the_content(centre, tmp_path):
    with peers.DistributionRegistry("registry", tmp_path / "peer") as peer:
        pusher = Pusher(centre, "team/heavy")
        push_image(pusher, reference="small")
        push_image(pusher, reference="large", content=os.urandom(150 << 20))
        small = peak_kib(centre, "model", "copy", "team/heavy:small", f"{peer.host}/heavy")
        large = peak_kib(centre, "model", "copy", "team/heavy:large", f"{peer.host}/heavy")
        assert large - small < 32 << 10, (small, large)


def test_artifacts_of_other_tools(centre, peer, tmp_path):
    model = (MODELS / "linear_a.onnx").read_bytes()
    other_tools.push_ormb(centre, "default/asormb", "v1", {"format": "ONNX"}, {"m.onnx": model})
    copy(centre, "asormb:v1", f"{peer.host}/asormb")
    copy(centre, f"{peer.host}/asormb:v1", "asormb-back:v1")
    same_manifest((centre, "default/asormb", "v1"), (centre, "default/asormb-back", "v1"))
    centre.cli("pull", "asormb-back:v1", tmp_path / "out")
    assert (tmp_path / "out/model/m.onnx").read_bytes() == model


def test_tags_of_another_registry_are_listed_and_removed(centre, peer):
    centre.cli("push", MODELS / "linear_a.onnx", "listed:v1")
    name = f"{peer.host}/any/listed"
    missing = centre.cli("model", "list", "--remote", name, check=False)
    assert missing.returncode == MISSING and name in missing.stderr
    pushed = copy(centre, "listed:v1", f"{name}:v1")
    copy(centre, "listed:v1", f"{name}:v2")
    listed = json.loads(centre.cli("model", "list", "--remote", name, "-o", "json").stdout)
    assert [(item["name"], item["digest"], item["format"]) for item in listed["items"]] == [
        (f"{name}:{tag}", pushed["digest"], "onnx") for tag in ("v1", "v2")]
    one = centre.cli("model", "list", "--remote", f"{name}:v2", "-o", "name").stdout
    assert one == f"{name}:v2\n"
    searched = centre.cli("model", "list", "--remote", name, "--where", "tag = v1", check=False)
    assert searched.returncode == USAGE and "--where" in searched.stderr
    # Neither of them deletes a tag alone, in different words.
    done = centre.cli("model", "remove", f"{name}:v2", "--remote", check=False)
    if done.returncode != 0:
        way_out = f"slipway model remove {name}@{pushed['digest']} --remote"
        assert way_out in done.stderr
        done = centre.cli(*way_out.split()[1:], check=False)
        assert done.returncode == 0 or "405" in done.stderr, done.stderr


def test_inspect_shows_a_model_at_another_registry(centre, peer, tmp_path):
    folder = tmp_path / "stated"
    folder.mkdir()
    (folder / "model.onnx").write_bytes((MODELS / "linear_a.onnx").read_bytes())
    (folder / "model.yaml").write_text(
        "title: Stated\nsignature:\n"
        "  inputs: [{name: x, dtype: FP32, shape: [1, 4]}]\n"
        "  outputs: [{name: y, dtype: FP32, shape: [1, 4]}]\n")
    centre.cli("push", folder, "stated:v1")
    target = f"{peer.host}/any/stated:v1"
    copy(centre, "stated:v1", target)
    shown = json.loads(centre.cli("inspect", target, "-o", "json").stdout)
    assert shown["metadata"]["title"] == "Stated" and shown["format"] == "onnx"
    assert [spec["name"] for spec in shown["inputs"] + shown["outputs"]] == ["x", "y"]
    assert "Stated" in centre.cli("inspect", target).stdout
