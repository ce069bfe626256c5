"""Real clients and registries of other people, against ours."""

import json
import os
import pathlib

import pytest

import peers
from registry_client import IMAGE_TYPE, INDEX_TYPE, Registry, Repository, digest_of

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
OFFLINE = ("--tlog-upload=false", "--use-signing-config=false", "--allow-http-registry", "--yes")
VERIFY = ("--insecure-ignore-tlog=true", "--allow-http-registry")


@pytest.fixture(scope="module")
def host(centre):
    return centre.api_url.removeprefix("http://")


@pytest.fixture
def clients(centre, host, tmp_path):
    """Clients that are signed in as the admin."""
    made = peers.Clients(tmp_path / "home")
    made.sign_in(host, centre.token)
    return made


def raw(repository, reference):
    """The manifest, as a document."""
    return repository.registry.get(repository.manifest(reference)).expect(200).json()


# Building tools ----------------------------------------------------------------------------------

@pytest.mark.needs("podman")
def test_podman_pushes_and_pulls_an_image(clients, host, repository):
    image = f"{host}/{repository.name}:v1"
    content = clients.build(image)
    clients.run("podman", "push", "--tls-verify=false", image)
    assert repository.list_tags() == ["v1"]
    clients.run("podman", "rmi", image)
    clients.run("podman", "pull", "--tls-verify=false", image)
    labels = clients.run("podman", "image", "inspect", image, "--format", "{{json .Labels}}")
    assert json.loads(labels)["made"] == "here"
    root = pathlib.Path(clients.run("podman", "image", "mount", image).strip())
    assert (root / "file").read_bytes() == content
    clients.run("podman", "image", "unmount", image)


@pytest.mark.needs("buildah", "podman")
def test_buildah_pushes_and_pulls_an_image(clients, host, repository):
    image = f"{host}/{repository.name}:v1"
    clients.build(image, "buildah")
    clients.run("buildah", "push", "--tls-verify=false", image, f"docker://{image}")
    digest = digest_of(repository.registry.get(repository.manifest("v1")).expect(200).body)
    clients.run("buildah", "rmi", image)
    clients.run("buildah", "pull", "--tls-verify=false", f"{host}/{repository.name}@{digest}")
    assert digest in clients.run("buildah", "images", "--digests")


@pytest.mark.needs("podman", "skopeo")
@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compressed_layers(clients, host, repository, compression):
    image = f"{host}/{repository.name}:v1"
    clients.build(image)
    clients.run("podman", "push", "--tls-verify=false", "--compression-format", compression,
                image)
    [layer] = raw(repository, "v1")["layers"]
    assert layer["mediaType"].endswith(f"tar+{compression}")
    stored = repository.registry.get(repository.blob(layer["digest"])).expect(200).body
    magic = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}[compression]
    assert stored.startswith(magic) and len(stored) == layer["size"]
    clients.run("podman", "rmi", image)
    clients.run("podman", "pull", "--tls-verify=false", image)
    clients.skopeo_copy(f"docker://{image}", f"oci:{clients.home}/layout:v1")


def push_multi(clients, host, repository):
    """An index of two platforms, made and pushed by buildah; returns its digest."""
    for platform in ("amd64", "arm64"):
        clients.build("", "buildah", arch=platform, manifest="multi")
    clients.run("buildah", "manifest", "push", "--all", "--tls-verify=false", "multi",
                f"docker://{host}/{repository.name}:v1")
    answer = repository.registry.get(repository.manifest("v1"))
    answer.expect(200, {"Content-Type": INDEX_TYPE})
    assert [entry["platform"]["architecture"] for entry in answer.json()["manifests"]] == [
        "amd64", "arm64"]
    return answer.header("Docker-Content-Digest")


@pytest.mark.needs("buildah", "skopeo", "crane")
def test_an_index_is_copied_whole(clients, host, new_repository):
    source, by_skopeo, by_crane = new_repository(), new_repository(), new_repository()
    digest = push_multi(clients, host, source)
    clients.skopeo_copy(f"docker://{host}/{source.name}:v1",
                        f"docker://{host}/{by_skopeo.name}:v2", "--all")
    clients.crane("copy", f"{host}/{source.name}:v1", f"{host}/{by_crane.name}:v3")
    for repository, tag in ((by_skopeo, "v2"), (by_crane, "v3")):
        assert clients.crane("digest", f"{host}/{repository.name}:{tag}") == digest
        for child in raw(repository, tag)["manifests"]:
            manifest = raw(repository, child["digest"])
            for part in [manifest["config"], *manifest["layers"]]:
                repository.registry.head(repository.blob(part["digest"])).expect(
                    200, {"Content-Length": str(part["size"])})
        clients.crane("validate", "--remote", f"{host}/{repository.name}:{tag}")


# crane -------------------------------------------------------------------------------------------

def push_image(repository, tag="v1"):
    """A small image; returns its digest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    layers = []
    content = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(config),
                   "digest": repository.push_blob(config)}, "layers": layers,
        "annotations": {"unique": os.urandom(8).hex()}}, indent=1).encode()
    return repository.push_manifest(tag, content)


@pytest.mark.needs("crane")
def test_crane_lists_tags_copies_mounts_and_deletes(clients, host, new_repository):
    source, target = new_repository(), new_repository()
    digest = push_image(source)
    here, there = f"{host}/{source.name}", f"{host}/{target.name}"
    clients.crane("tag", f"{here}:v1", "v2")
    assert clients.crane("ls", here).split() == ["v1", "v2"]
    done = clients.run("crane", "copy", "--insecure", f"{here}:v1", f"{there}:copied", check=False)
    assert done.returncode == 0 and "mounted blob" in done.stderr, done.stderr
    assert clients.crane("manifest", f"{there}:copied") == clients.crane("manifest", f"{here}:v1")
    clients.crane("delete", f"{here}:v2")  # by tag: the manifest stays
    assert clients.crane("ls", here).split() == ["v1"]
    clients.crane("delete", f"{here}@{digest}")
    assert clients.crane("ls", here) == ""
    assert clients.crane("digest", f"{there}:copied") == digest


@pytest.mark.needs("crane")
def test_crane_sees_the_catalog(clients, host, repository):
    push_image(repository)
    assert repository.name in clients.crane("catalog", host).split()


# cosign ------------------------------------------------------------------------------------------

@pytest.fixture
def signed(clients, host, repository):
    """An image with a key of its own; its digest is the last part."""
    clients.run("cosign", "generate-key-pair")
    return f"{host}/{repository.name}@{push_image(repository)}"


@pytest.mark.needs("cosign")
def test_cosign_signs_and_verifies_with_bundles_as_referrers(clients, repository, signed):
    refused = clients.run("cosign", "verify", "--key", "cosign.pub", *VERIFY, signed, check=False)
    assert refused.returncode != 0
    clients.run("cosign", "sign", "--key", "cosign.key", *OFFLINE, signed)
    (clients.home / "predicate.json").write_text('{"tested": true}')
    clients.run("cosign", "attest", "--key", "cosign.key", "--type", "custom", "--predicate",
                "predicate.json", *OFFLINE, signed)
    claims = json.loads(clients.run("cosign", "verify", "--key", "cosign.pub", *VERIFY, signed))
    digest = signed.partition("@")[2]
    assert claims[0]["critical"]["image"]["docker-manifest-digest"] == digest
    clients.run("cosign", "verify-attestation", "--type", "custom", "--key", "cosign.pub", *VERIFY,
                signed)
    found = repository.registry.get(repository.referrers(digest, artifactType=BUNDLE_TYPE)).json()
    assert len(found["manifests"]) == 2 and repository.list_tags() == ["v1"]
    clients.run("cosign", "generate-key-pair", "--output-key-prefix", "other")
    wrong = clients.run("cosign", "verify", "--key", "other.pub", *VERIFY, signed, check=False)
    assert wrong.returncode != 0


@pytest.mark.needs("cosign")
def test_cosign_signs_and_attaches_under_tags_as_it_used_to(clients, repository, signed):
    digest = signed.partition("@")[2]
    prefix = digest.replace(":", "-")
    clients.run("cosign", "sign", "--key", "cosign.key", "--new-bundle-format=false", *OFFLINE,
                signed)
    verify = ("cosign", "verify", "--new-bundle-format=false", "--key", "cosign.pub", *VERIFY)
    clients.run(*verify, signed)
    (clients.home / "sbom.json").write_text('{"spdxVersion": "SPDX-2.3"}')
    clients.run("cosign", "attach", "sbom", "--allow-http-registry", "--sbom", "sbom.json", signed)
    assert repository.list_tags() == [f"{prefix}.sbom", f"{prefix}.sig", "v1"]
    repository.registry.delete(repository.manifest(f"{prefix}.sig")).expect(202)
    assert clients.run(*verify, signed, check=False).returncode != 0


# Other registries --------------------------------------------------------------------------------

PEERS = [pytest.param("docker-registry", marks=pytest.mark.needs("docker-registry")),
         pytest.param("registry", marks=pytest.mark.needs("registry"))]


@pytest.mark.needs("skopeo", "crane", "buildah")
@pytest.mark.parametrize("program", PEERS)
def test_copies_from_and_to_another_registry_keep_every_digest(
        clients, host, new_repository, tmp_path, program):
    first, back = new_repository(), new_repository()
    with peers.DistributionRegistry(program, tmp_path / program) as peer:
        digest = push_multi(clients, host, first)
        tools = {"skopeo": lambda a, b: clients.skopeo_copy(f"docker://{a}", f"docker://{b}",
                                                            "--all"),
                 "crane": lambda a, b: clients.crane("copy", a, b)}
        for name, copy in tools.items():
            copy(f"{host}/{first.name}:v1", f"{peer.host}/copies/{name}:v1")
            assert clients.crane("digest", f"{peer.host}/copies/{name}:v1") == digest
            copy(f"{peer.host}/copies/{name}:v1", f"{host}/{back.name}:{name}")
            assert clients.crane("digest", f"{host}/{back.name}:{name}") == digest
            clients.crane("validate", "--remote", f"{host}/{back.name}:{name}")
    assert back.list_tags() == ["crane", "skopeo"]


@pytest.mark.needs("skopeo", "buildah")
@pytest.mark.parametrize("program", PEERS)
def test_manifests_of_docker_s_format_travel_both_ways(clients, host, new_repository, tmp_path,
                                                       program):
    ours, back = new_repository(), new_repository()
    with peers.DistributionRegistry(program, tmp_path / program) as peer:
        image = f"{peer.host}/docker/image:v1"
        clients.build(image, "buildah", format="docker")
        clients.run("buildah", "push", "--tls-verify=false", image, f"docker://{image}")
        clients.skopeo_copy(f"docker://{image}", f"docker://{host}/{ours.name}:v1")
        clients.skopeo_copy(f"docker://{host}/{ours.name}:v1", f"docker://{peer.host}/back:v1")
        clients.skopeo_copy(f"docker://{peer.host}/back:v1", f"docker://{host}/{back.name}:v1")
    answers = [one.registry.get(one.manifest("v1")).expect(200) for one in (ours, back)]
    assert answers[0].body == answers[1].body
    for answer in answers:
        assert answer.header("Content-Type") == (
            "application/vnd.docker.distribution.manifest.v2+json")


@pytest.mark.needs("registry")
def test_our_answers_are_those_of_a_registry_that_people_run(repository, tmp_path):
    """The same requests to both: where the specification leaves it open, we say the same."""
    with peers.DistributionRegistry("registry", tmp_path / "peer") as peer:
        other = Repository(Registry(f"http://{peer.host}"), repository.name)
        for one in (repository, other):
            push_image(one)
        ones = "sha256:" + "1" * 64
        for method, path in (("GET", "/manifests/v1"), ("HEAD", "/manifests/v1"),
                             ("GET", "/tags/list"), ("GET", "/manifests/none"),
                             ("GET", f"/manifests/{ones}"), ("DELETE", f"/manifests/{ones}"),
                             ("GET", f"/blobs/{ones}"), ("DELETE", f"/blobs/{ones}"),
                             ("POST", "/blobs/uploads/"),
                             ("POST", f"/blobs/uploads/?mount={ones}&from=nowhere")):
            mine, theirs = (one.registry.send(method, one.base + path, None, {"Accept": IMAGE_TYPE})
                            for one in (repository, other))
            assert mine.status == theirs.status, f"{mine} {theirs}"
            if mine.status >= 400 and theirs.body:
                assert (mine.json()["errors"][0]["code"]
                        == theirs.json()["errors"][0]["code"]), f"{mine} {theirs}"
        other.registry.close()
