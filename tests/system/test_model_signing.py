"""Signatures: what `slipway model sign` makes real cosign verifies, and the other way round."""

import base64
import json
import os
import re
import stat
import subprocess

import pytest

import peers
import programs
from other_tools import MANIFEST_TYPE, Pusher, digest_of

MODELS = programs.ROOT / "tests/fixtures/models"
PASSWORD = "correct horse"
USAGE, MISSING, EXISTS, NOT_ALLOWED, STATE = 2, 3, 4, 5, 6
COSIGN = pytest.mark.needs("cosign")
SIGN = ("--tlog-upload=false", "--use-signing-config=false", "--allow-http-registry", "--yes")
VERIFY = ("--insecure-ignore-tlog=true", "--allow-http-registry")
PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"


@pytest.fixture(scope="module")
def centre(slipway_module):
    return slipway_module


@pytest.fixture(name="cosign")
def real_cosign(centre, tmp_path):
    """Runs cosign, signed in as the admin, in a folder of its own."""
    clients = peers.Clients(tmp_path / "cosign")
    clients.sign_in(centre.api_url.removeprefix("http://"), centre.token)
    clients.environment["COSIGN_PASSWORD"] = PASSWORD
    return lambda *words, **options: clients.run("cosign", *words, **options)


@pytest.fixture
def keys(centre, tmp_path):
    """A new key pair of ours: the path without its suffix."""
    prefix = tmp_path / "mine"
    model(centre, "generate-key-pair", "--output-key-prefix", prefix)
    return prefix


def model(centre, verb, *words, **options):
    options.setdefault("environment", {"COSIGN_PASSWORD": PASSWORD})
    return centre.cli("model", verb, *words, **options)


def push(centre, request):
    """A model of this test alone: its name here, and its name with host and digest."""
    words = re.findall("[a-z0-9]+", request.node.name.lower())
    name = "signing/" + "-".join(words)
    pushed = json.loads(centre.cli("push", MODELS / "linear_a.onnx", f"{name}:v1", "-o",
                                   "json").stdout)
    host = centre.api_url.removeprefix("http://")
    return f"{name}:v1", f"{host}/{name}@{pushed['digest']}"


def verify(centre, name, key, *options, **more):
    return model(centre, "verify", name, "--key", key, *options, **more)


def verified(centre, name, key, *options):
    return json.loads(verify(centre, name, key, "-o", "json", *options).stdout)


def refused(centre, name, key, *options):
    done = verify(centre, name, key, *options, check=False)
    assert (done.returncode, done.stdout) == (STATE, ""), (done.stdout, done.stderr)
    return done.stderr


@pytest.mark.parametrize("form", ["tag", "bundle", "both"])
def test_sign_and_verify(centre, keys, request, form):
    name, full = push(centre, request)
    digest = full.partition("@")[2]
    assert "is not signed" in refused(centre, name, f"{keys}.pub")
    done = model(centre, "sign", name, "--key", f"{keys}.key", "--form", form, "-a", "ticket=R-17")
    assert done.stdout.startswith(f"signed {name}") and "ECDSA P-256" in done.stdout
    shown = verified(centre, name, f"{keys}.pub", "-a", "ticket=R-17")
    assert shown["digest"] == digest
    forms = ["tag", "bundle"] if form == "both" else [form]
    assert [one["form"] for one in shown["signatures"]] == forms
    for one in shown["signatures"]:
        assert one["annotations"] == {"ticket": "R-17"}
        if one["form"] == "tag":
            assert one["identity"] == full.partition("@")[0]
    assert "already" in model(centre, "sign", name, "--key", f"{keys}.key", "--form", form, "-a",
                              "ticket=R-17").stdout
    assert "says ticket=R-17" in refused(centre, name, f"{keys}.pub", "-a", "ticket=R-18")
    assert "has no other" in refused(centre, name, f"{keys}.pub", "-a", "other=x")
    model(centre, "generate-key-pair", "--output-key-prefix", f"{keys}-other")
    assert "not made with this key" in refused(centre, name, f"{keys}-other.pub")


# With the real cosign --------------------------------------------------------------------------

@COSIGN
@pytest.mark.parametrize("form,flag", [("tag", "--new-bundle-format=false"), ("tag", None),
                                       ("bundle", None), ("both", None)])
def test_cosign_verifies_what_we_sign(centre, cosign, keys, request, form, flag):
    name, full = push(centre, request)
    model(centre, "sign", name, "--key", f"{keys}.key", "--form", form, "-a", "who=we")
    flags = [flag] if flag else []
    command = ("verify", "--key", f"{keys}.pub", *flags, *VERIFY)
    [claim] = json.loads(cosign(*command, full))
    assert claim["critical"]["image"]["docker-manifest-digest"] == full.partition("@")[2]
    assert claim["optional"] == {"who": "we"}
    if form == "tag":
        cosign(*command, "-a", "who=we", full)
        assert cosign(*command, "-a", "who=they", full, check=False).returncode != 0
    cosign("generate-key-pair")
    assert cosign("verify", "--key", "cosign.pub", *flags, *VERIFY, full,
                  check=False).returncode != 0


@COSIGN
@pytest.mark.parametrize("flags", [["--new-bundle-format=false"], []], ids=["tag", "bundle"])
def test_we_verify_what_cosign_signs(centre, cosign, tmp_path, request, flags):
    name, full = push(centre, request)
    cosign("generate-key-pair")
    cosign("sign", "--key", "cosign.key", "-a", "who=they", *flags, *SIGN, full)
    (tmp_path / "cosign/predicate.json").write_text('{"tested": true}')
    cosign("attest", "--key", "cosign.key", "--type", "custom", "--predicate", "predicate.json",
           *SIGN, full)
    public = tmp_path / "cosign/cosign.pub"
    [one] = verified(centre, name, public, "-a", "who=they")["signatures"]
    assert one["annotations"] == {"who": "they"}
    # Ours beside theirs, and both are found by everyone.
    model(centre, "sign", name, "--key", tmp_path / "cosign/cosign.key", "-a", "who=we")
    assert len(verified(centre, name, public)["signatures"]) == 3
    assert len(verified(centre, name, public, "-a", "who=we")["signatures"]) == 2
    # The old form gives one entry for each signature; the attestation is one of the new.
    claims = json.loads(cosign("verify", "--key", "cosign.pub", *flags, *VERIFY, full))
    assert {"who": "we"} in [claim["optional"] for claim in claims]
    assert {"who": "they"} in [claim["optional"] for claim in claims]


@COSIGN
@pytest.mark.needs("openssl")
@pytest.mark.parametrize("kind,command", [
    ("ed25519", "genpkey -algorithm ed25519"),
    ("rsa", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
    ("p256", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
    ("p384", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
    ("p521", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521")], ids=lambda text: text[:4])
def test_other_kinds_of_keys(centre, cosign, tmp_path, request, kind, command):
    """cosign 3 makes Ed25519, P-384 and P-521 signatures that it does not verify itself; we do."""
    name, full = push(centre, request)
    pem, home = tmp_path / "cosign/plain.pem", tmp_path / "cosign"
    subprocess.run(["openssl", *command.split(), "-out", str(pem)], check=True, timeout=60)
    pem.chmod(0o600)
    cosign("import-key-pair", "--key", "plain.pem", "-o", kind)
    cosign("sign", "--key", f"{kind}.key", *SIGN, full)
    cosign("sign", "--key", f"{kind}.key", "--new-bundle-format=false", *SIGN, full)
    shown = verified(centre, name, home / f"{kind}.pub")
    assert [one["form"] for one in shown["signatures"]] == ["tag", "bundle"]
    # Ours, with the imported key and with the plain one.
    for key in (home / f"{kind}.key", pem):
        other, full = push(centre, request)
        other = f"{other.removesuffix(':v1')}-{key.suffix[1:]}:v1"
        centre.cli("model", "copy", name, other)
        model(centre, "sign", other, "--key", key)
        assert len(verified(centre, other, home / f"{kind}.pub")["signatures"]) == 2
        full = f"{full.partition('/')[0]}/{other}"
        for flags in ([], ["--new-bundle-format=false"]):
            cosign("verify", "--key", f"{kind}.pub", *flags, *VERIFY, full)


@COSIGN
def test_cosign_opens_our_keys(cosign, keys, centre, request):
    name, full = push(centre, request)
    cosign("sign", "--key", f"{keys}.key", *SIGN, full)
    verified(centre, name, f"{keys}.pub")
    assert cosign("public-key", "--key", f"{keys}.key") == keys.with_suffix(".pub").read_text()


@COSIGN
@pytest.mark.needs("docker-registry")
def test_a_registry_without_referrers(centre, cosign, keys, tmp_path):
    with peers.DistributionRegistry("docker-registry", tmp_path / "peer") as peer:
        centre.cli("push", MODELS / "linear_a.onnx", f"{peer.host}/old:v1")
        model(centre, "sign", f"{peer.host}/old:v1", "--key", f"{keys}.key")
        shown = verified(centre, f"{peer.host}/old:v1", f"{keys}.pub")
        assert [one["form"] for one in shown["signatures"]] == ["tag", "bundle"]
        for flags in ([], ["--new-bundle-format=false"]):
            cosign("verify", "--key", f"{keys}.pub", *flags, *VERIFY, f"{peer.host}/old:v1")
        # Signatures travel with the model.
        centre.cli("model", "copy", f"{peer.host}/old:v1", "signing/came:v1", "--referrers")
        assert len(verified(centre, "signing/came:v1", f"{keys}.pub")["signatures"]) == 2
        centre.cli("model", "copy", f"{peer.host}/old:v1", "signing/alone:v1")
        assert "is not signed" in refused(centre, "signing/alone:v1", f"{keys}.pub")


# Keys and passwords ----------------------------------------------------------------------------

def test_key_files(centre, keys, tmp_path, request):
    name, _ = push(centre, request)
    private = keys.with_suffix(".key")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert private.read_text().startswith("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n")
    again = model(centre, "generate-key-pair", "--output-key-prefix", keys, check=False)
    assert again.returncode == EXISTS and "is there already" in again.stderr
    for environment, stdin, options in [({"COSIGN_PASSWORD": "wrong"}, None, []),
                                        ({}, "wrong\n", ["--password-stdin"])]:
        done = centre.cli("model", "sign", name, "--key", private, *options, check=False,
                          environment=environment, stdin=stdin)
        assert done.returncode == NOT_ALLOWED and "password is another one" in done.stderr
        assert "wrong" not in done.stderr
    centre.cli("model", "sign", name, "--key", private, "--password-stdin", stdin=PASSWORD + "\n")
    private.chmod(0o644)
    assert f"warning: {private} can be read by others" in model(
        centre, "sign", name, "--key", private).stderr
    for key, words in [(keys.with_suffix(".pub"), "this is a public key"),
                       (MODELS / "linear_a.onnx", "no private key"),
                       (tmp_path / "none", "none")]:
        done = model(centre, "sign", name, "--key", key, check=False)
        assert done.returncode in (USAGE, MISSING) and words in done.stderr
    done = verify(centre, name, private, check=False)
    assert done.returncode == USAGE and "this is a private key" in done.stderr
    lines = private.read_text().splitlines()
    private.write_text("\n".join(lines[:3] + lines[4:]))
    done = model(centre, "sign", name, "--key", private, check=False)
    assert done.returncode == USAGE and str(private) in done.stderr


def test_nothing_to_sign_or_verify(centre, keys):
    for verb, key in (("sign", "key"), ("verify", "pub")):
        done = model(centre, verb, "signing/none:v1", "--key", f"{keys}.{key}", check=False)
        assert done.returncode == MISSING and "signing/none:v1" in done.stderr


# Signatures that lie ---------------------------------------------------------------------------

class Forger:
    """Writes the tag of cosign by hand."""

    def __init__(self, centre, name, digest):
        self.pusher = Pusher(centre, name.removesuffix(":v1"))
        self.tag = digest.replace(":", "-") + ".sig"

    def read(self):
        """The payload and the signature that are there."""
        url = self.pusher.url
        manifest = self.pusher.session.get(f"{url}/manifests/{self.tag}",
                                           headers={"Accept": MANIFEST_TYPE}).json()
        layer = manifest["layers"][0]
        return (self.pusher.session.get(f"{url}/blobs/{layer['digest']}").content,
                layer["annotations"]["dev.cosignproject.cosign/signature"])

    def write(self, *signatures):
        """Each is a payload and its signature."""
        layers = [{**self.pusher.blob(payload, PAYLOAD_TYPE),
                   "annotations": {"dev.cosignproject.cosign/signature": signature}}
                  for payload, signature in signatures]
        self.pusher.manifest({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "layers": layers,
            "config": self.pusher.blob(b"{}", "application/vnd.oci.image.config.v1+json")},
            self.tag)


def test_forged_signatures_are_refused(centre, keys, request):
    name, full = push(centre, request)
    public = f"{keys}.pub"
    model(centre, "sign", name, "--key", f"{keys}.key", "--form", "tag")
    forger = Forger(centre, name, full.partition("@")[2])
    payload, good = forger.read()
    raw = base64.b64decode(good)
    bad_signatures = {
        "cut": good[:-4], "garbage": "!!!!", "empty": "", "padding": good.rstrip("=") + "====",
        "changed": base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode(),
        "huge": base64.b64encode(bytes(100_000)).decode()}
    for what, signature in bad_signatures.items():
        forger.write((payload, signature))
        assert "no signature of" in refused(centre, name, public), what
    forger.write((payload.replace(b"optional", b"OPTIONAL"), good))
    assert "not made with this key" in refused(centre, name, public)
    forger.write((b"x" * 2_000_000, good))
    done = verify(centre, name, public, check=False)
    assert done.returncode == USAGE and "at most" in done.stderr
    # One that is good is enough, wherever it stands.
    forger.write((payload, bad_signatures["changed"]), (b"{}", good), (payload, good))
    assert len(verified(centre, name, public)["signatures"]) == 1


def test_a_signature_of_other_content_proves_nothing(centre, keys, request, tmp_path):
    name, full = push(centre, request)
    other = name.replace(":v1", "-other:v1")
    digest = json.loads(centre.cli("push", MODELS / "linear_b.onnx", other, "-o",
                                   "json").stdout)["digest"]
    model(centre, "sign", name, "--key", f"{keys}.key", "--form", "tag")
    moved = Forger(centre, name, full.partition("@")[2]).read()
    Forger(centre, other, digest).write(moved)
    assert f"it is about {full.partition('@')[2]}" in refused(centre, other, f"{keys}.pub")


@pytest.mark.needs("openssl")
def test_a_good_signature_of_bad_words_is_refused(centre, request, tmp_path):
    """The key's owner signed it, but it is no claim: every member counts."""
    name, full = push(centre, request)
    digest = full.partition("@")[2]
    key, public = tmp_path / "k.pem", tmp_path / "k.pub"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                    str(key)], check=True, timeout=60)
    subprocess.run(["openssl", "pkey", "-in", str(key), "-pubout", "-out", str(public)],
                   check=True, timeout=60)
    forger = Forger(centre, name, digest)

    def claim(**changes):
        critical = {"identity": {"docker-reference": "here"},
                    "image": {"docker-manifest-digest": digest},
                    "type": "cosign container image signature", **changes}
        return json.dumps({"critical": {key: value for key, value in critical.items()
                                        if value is not None}, "optional": None}).encode()

    def sign(payload):
        return payload, base64.b64encode(subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(key)], input=payload, check=True,
            capture_output=True, timeout=60).stdout).decode()

    for payload, words in [
            (claim(type="atomic container signature"), "critical.type"),
            (claim(type=None), "critical.type: is missing"),
            (claim(identity=None), "critical.identity: is missing"),
            (claim(image={}), "docker-manifest-digest: is missing"),
            (claim(image={"docker-manifest-digest": digest[:-1]}), "docker-manifest-digest"),
            (claim(expires="1970"), "critical.expires: is unknown"),
            (b"not JSON", "no JSON"), (b'{"critical": [], "optional": {}}', "critical: is no"),
            (claim(image={"docker-manifest-digest": digest_of(b"other")}), "it is about")]:
        forger.write(sign(payload))
        assert words in refused(centre, name, public), payload
    forger.write(sign(claim()))
    assert verified(centre, name, public)["signatures"][0]["identity"] == "here"


def test_no_secret_is_shown(centre, keys, request):
    """Neither in the process's arguments nor in what it says."""
    name, _ = push(centre, request)
    done = model(centre, "sign", name, "--key", f"{keys}.key", "-o", "json")
    text = done.stdout + done.stderr + "".join(map(str, done.args))
    assert PASSWORD not in text
    body = "".join(keys.with_suffix(".key").read_text().splitlines()[1:-1])
    assert body[:40] not in text and os.path.exists(f"{keys}.key")
