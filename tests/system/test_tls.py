"""TLS on every port: certificates by openssl, real clients, and what is said when it fails."""

import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time

import numpy
import pytest
import requests
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
BODY = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
HANDSHAKE_LIMIT_S = 60  # the programs allow 10
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Authority:
    """A private authority, and the certificates that it issues."""

    def __init__(self, folder, name, issuer=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / f"{name}.crt"
        self.key = self.folder / f"{name}.key"
        if issuer is not None:
            issuer.sign(self.certificate, self.key, "basicConstraints=critical,CA:TRUE")
            return
        self._openssl("req", "-x509", *NEW_KEY, "-keyout", self.key, "-out", self.certificate,
                      "-days", "2", "-subj", f"/CN={name}", "-addext",
                      "keyUsage=critical,keyCertSign")

    def issue(self, name, names="DNS:localhost,IP:127.0.0.1", days=1):
        """Writes name.crt and name.key, over what is there; returns the two options."""
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        self.sign(certificate, key, f"subjectAltName={names}", "extendedKeyUsage=serverAuth",
                  days=days)
        return ["--tls-cert", str(certificate), "--tls-key", str(key)]

    def sign(self, certificate, key, *extensions, days=1):
        """Makes a key, and a certificate for it with the extensions."""
        request, written = certificate.with_suffix(".csr"), certificate.with_suffix(".ext")
        written.write_text("\n".join(extensions) + "\n")
        self._openssl("req", "-new", *NEW_KEY, "-keyout", key, "-out", request, "-subj",
                      f"/CN={certificate.stem}")
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                      "-CAcreateserial", "-days", days, "-extfile", written, "-out", certificate)

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True,
                       timeout=60)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "ca")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def centre(tmp_path_factory, authority):
    """A control centre with TLS and the service `linear`."""
    made = programs.ControlCentre(tmp_path_factory.mktemp("centre"), *authority.issue("server"),
                                  ca=authority.certificate)
    try:
        made.start()
        made.cli("push", MODELS / "linear_a.onnx", "linear:a")
        made.cli("deploy", "linear:a")
        yield made
    finally:
        made.close()


def run(verb, *arguments):
    """Runs a program that is expected to end by itself; returns status and sentence."""
    done = subprocess.run([str(programs.BINARY), verb, *map(str, arguments)], text=True,
                          capture_output=True, timeout=30, check=False)
    return done.returncode, done.stderr.strip().splitlines()[-1]


def shown_certificate(port):
    """The certificate that a listener shows to new connections."""
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=30).strip()


def leaf(path):
    return pathlib.Path(path).read_text().strip()


def receive_all(connection):
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts).decode()


# Every verb goes through one of three: the API's client, the registry's, and the data plane's.
def test_the_command_line_works_over_tls(centre, authority, tmp_path):
    assert json.loads(centre.ports_file().read_text())["tls"] is True
    assert centre.api_url.startswith("https://") and centre.inference_url.startswith("https://")
    pushed = json.loads(centre.cli("push", MODELS / "linear_b.onnx", "linear:b", "-o",
                                   "json").stdout)
    centre.cli("pull", "linear:b", tmp_path / "out")
    pulled = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in pulled] == [(MODELS / "linear_b.onnx").read_bytes()]
    shown = json.loads(centre.cli("inspect", "linear:b", "-o", "json").stdout)
    assert shown["digest"] == pushed["digest"]
    assert "linear" in centre.cli("services").stdout
    answer = centre.cli("infer", "linear", "--input", "-", "-o", "json", stdin=json.dumps(BODY))
    direct = requests.post(centre.inference_url + "/v2/models/linear/infer", json=BODY,
                           verify=authority.certificate, timeout=30)
    assert direct.status_code == 200
    assert json.loads(answer.stdout)["outputs"] == direct.json()["outputs"]
    for port in ("api", "metrics"):
        metrics = requests.get(centre.url(port) + "/metrics", verify=authority.certificate,
                               timeout=30)
        assert metrics.status_code == 200
        assert "slipway_tls_certificate_expiry_timestamp_seconds{" in metrics.text


def test_the_site_says_that_its_ports_take_tls(centre):
    site = json.loads(centre.cli("get", "site", "local", "-o", "json").stdout)
    assert {e["name"]: e["tls"] for e in site["status"]["endpoints"]} == {
        "rest": True, "grpc": True, "metrics": True}
    assert "tls: true" in centre.cli("describe", "site/local").stdout


def test_streams_work_over_tls(centre):
    """`deploy` awaits its service by a watch; `logs -f` reads a log that has no end."""
    centre.cli("deploy", "linear:a", "--as", "streamed")
    following = subprocess.Popen([str(programs.BINARY), "logs", "-f", "streamed"], text=True,
                                 stdout=subprocess.PIPE, env=centre.environment)
    try:
        assert following.stdout.readline().strip() != ""
        assert following.poll() is None
    finally:
        following.terminate()
        following.communicate(timeout=30)
    centre.cli("delete", "streamed")


def test_tritonclient_over_tls(centre, authority):
    x = triton.InferInput("x", [1, 4], "FP32")
    x.set_data_from_numpy(numpy.array([[1, 2, 3, 4]], numpy.float32), binary_data=False)
    with triton.InferenceServerClient(
            centre.inference_url.removeprefix("https://"), ssl=True,
            ssl_options={"ca_certs": str(authority.certificate)}) as client:
        assert client.is_model_ready("linear")
        result = client.infer("linear", [x], outputs=[
            triton.InferRequestedOutput("y", binary_data=False)])
        assert result.as_numpy("y").shape == (1, 4)


def test_the_key_stays_in_its_file(centre):
    """The data plane is told paths: neither its arguments nor its files hold the key."""
    command = next(line for line in centre.family().values() if "--site-folder" in line)
    assert "--tls-key" in command and "PRIVATE" not in command
    for path in centre.data.rglob("*"):
        if path.is_file():
            assert b"PRIVATE KEY" not in path.read_bytes(), path


@pytest.mark.needs("skopeo")
def test_skopeo_over_tls(centre, authority, tmp_path):
    folder = tmp_path / "certificates"
    folder.mkdir()
    (folder / "ca.crt").write_bytes(authority.certificate.read_bytes())
    host = centre.api_url.removeprefix("https://")
    credentials = f"x:{centre.token}"

    def skopeo(*arguments):
        return subprocess.run(["skopeo", *map(str, arguments)], check=False, capture_output=True,
                              text=True, timeout=120)

    source, layout = f"docker://{host}/default/linear:a", f"oci:{tmp_path / 'layout'}:a"
    assert skopeo("copy", "--src-creds", credentials, source, layout).returncode != 0
    out = skopeo("copy", "--src-cert-dir", folder, "--src-creds", credentials, source, layout)
    assert out.returncode == 0, out.stderr
    back = skopeo("copy", "--dest-cert-dir", folder, "--dest-creds", credentials, layout,
                  f"docker://{host}/default/again:a")
    assert back.returncode == 0, back.stderr
    digests = [json.loads(centre.cli("inspect", name, "-o", "json").stdout)["digest"]
               for name in ("linear:a", "again:a")]
    assert digests[0] == digests[1]


def test_login_with_an_authority_of_the_registry(centre, authority, stranger, tmp_path):
    """Kept where Podman and others look for it, and used by every later command."""
    host = centre.api_url.removeprefix("https://")
    mine = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "DOCKER_CONFIG": str(tmp_path / "docker"), "XDG_RUNTIME_DIR": str(tmp_path / "run")}

    def login(file, check=True):
        return centre.cli("login", host, "-u", "x", "--password-stdin", "--ca-file", file,
                          stdin=centre.token, environment=mine, check=check)

    (tmp_path / "none.pem").write_text("none\n")
    refused = login(tmp_path / "none.pem", check=False)
    assert refused.returncode != 0 and "none.pem" in refused.stderr
    refused = login(stranger.certificate, check=False)
    assert refused.returncode != 0 and "certificate" in refused.stderr
    kept = tmp_path / f"config/containers/certs.d/{host}/ca.crt"
    assert not kept.exists()
    assert str(kept) in login(authority.certificate).stderr
    assert kept.read_bytes() == authority.certificate.read_bytes()
    centre.cli("pull", f"{host}/default/linear:a", tmp_path / "out", environment=mine)
    assert (tmp_path / "out/linear_a.onnx").read_bytes() == (MODELS / "linear_a.onnx").read_bytes()
    inspected = subprocess.run(
        ["skopeo", "inspect", "--raw", "--authfile", tmp_path / "docker/config.json", "--cert-dir",
         kept.parent, f"docker://{host}/default/linear:a"], check=False, capture_output=True,
        text=True, timeout=120)
    assert inspected.returncode == 0, inspected.stderr
    (kept.parent / "ca.crt").rename(kept.parent / "a.crt")
    (kept.parent / "b.crt").write_bytes(authority.certificate.read_bytes())
    refused = centre.cli("pull", f"{host}/default/linear:a", tmp_path / "more", environment=mine,
                         check=False)
    assert refused.returncode != 0 and "several *.crt files" in refused.stderr


def test_a_client_says_why_it_does_not_trust(centre, stranger):
    def context(name, *arguments):
        centre.cli("context", "add", name, "--address", centre.api_url, "--inference",
                   centre.inference_url, "--token-file", centre.token_file, *arguments)

    context("system")
    context("wrong", "--ca-file", stranger.certificate)
    for name, words in (("system", "that this system knows"), ("wrong", str(stranger.certificate))):
        for command in (["services"], ["push", MODELS / "linear_a.onnx", "linear:never"],
                        ["pull", "linear:a", centre.folder / "never"], ["logs", "-f", "linear"],
                        ["infer", "linear", "--input", "-"]):
            done = centre.cli("--context", name, *command, check=False, stdin=json.dumps(BODY))
            assert done.returncode == 6, (command, done.stderr)
            message = done.stderr.strip().splitlines()[-1]
            assert message.startswith(f"slipway: context {name}: https://127.0.0.1:"), message
            assert "comes from no authority" in message and words in message
            assert f"slipway context add {name} --address {centre.api_url}" in message
            assert message.endswith("--ca-file FILE`")
    done = centre.cli("context", "add", "bad", "--address", centre.api_url, "--ca-file",
                      centre.token_file, check=False)
    assert done.returncode == 2 and "no certificate in PEM form" in done.stderr


@pytest.mark.parametrize("names, days, words", [
    ("IP:127.0.0.1", -1, "has expired"),
    ("DNS:elsewhere.example", 1, "is for other names than this address has"),
])
def test_a_certificate_of_another_time_or_name(start_serve, authority, names, days, words):
    tls = authority.issue("unfit", names=names, days=days)
    serve = start_serve(MODELS / "identity.onnx", "--name", "m", *tls, wait=False,
                        ca=authority.certificate)
    programs.wait_until(serve._has_ports, serve.ports_file())
    serve.cli("context", "add", "unfit", "--use", "--address", serve.inference_url,
              "--inference", serve.inference_url, "--ca-file", authority.certificate)
    done = serve.cli("infer", "m", "--input", "-", check=False, stdin=json.dumps(BODY))
    assert done.returncode == 6 and words in done.stderr, done.stderr
    assert ("the TLS certificate has expired" in serve.log_tail()) == (days < 0)


def test_a_chain_leads_to_the_authority(start_serve, tmp_path):
    root = Authority(tmp_path / "pair", "root")
    middle = Authority(tmp_path / "pair", "middle", issuer=root)
    tls = middle.issue("server")
    whole = tmp_path / "whole.crt"
    whole.write_text(leaf(tls[1]) + "\n" + leaf(middle.certificate) + "\n")
    start_serve(MODELS / "identity.onnx", "--tls-cert", whole, *tls[2:], ca=root.certificate)

    alone = start_serve(MODELS / "identity.onnx", *tls, wait=False, ca=root.certificate)
    programs.wait_until(alone._has_ports, alone.ports_file())
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(alone.inference_url + "/v2", verify=str(root.certificate), timeout=30)


def test_plain_http_to_a_tls_port_is_answered(centre):
    for port in ("api", "inference_rest", "metrics"):
        answer = requests.post(f"http://127.0.0.1:{centre.ports[port]}/v2/", json=BODY, timeout=30)
        assert answer.status_code == 400
        body = answer.json()
        said = body["detail"] if port == "api" else body["error"]
        assert "https://" in said, body
        assert port != "api" or body["reason"] == "PLAIN_HTTP"
    plain = centre.api_url.replace("https://", "http://")
    centre.cli("context", "add", "plain", "--address", plain, "--inference",
               centre.inference_url.replace("https://", "http://"), "--token-file",
               centre.token_file)
    for command in (["services"], ["push", MODELS / "linear_a.onnx", "linear:never"],
                    ["infer", "linear", "--input", "-"]):
        done = centre.cli("--context", "plain", *command, check=False, stdin=json.dumps(BODY))
        assert done.returncode == 2, done.stderr
        assert "write https:// in place of http://" in done.stderr, done.stderr


def test_tls_to_a_plain_port(slipway, authority):
    address = slipway.api_url.replace("http://", "https://")
    slipway.cli("context", "add", "mistaken", "--address", address, "--ca-file",
                authority.certificate)
    done = slipway.cli("--context", "mistaken", "services", check=False)
    assert done.returncode == 8
    assert "if nothing speaks TLS there, write http://" in done.stderr


def test_a_slow_handshake_ends_and_holds_nobody_up(centre, authority):
    """A byte comes now and then, so that only the whole takes too long."""
    with socket.create_connection(("127.0.0.1", centre.ports["api"]), timeout=30) as slow:
        slow.sendall(b"\x16\x03\x01\x3f\xff")
        answer = requests.get(centre.api_url + "/healthz", verify=authority.certificate,
                              timeout=30)
        assert answer.status_code == 200
        slow.settimeout(0.5)
        end = time.monotonic() + HANDSHAKE_LIMIT_S
        ended = False
        while not ended and time.monotonic() < end:
            try:
                slow.sendall(b"\x01")
                ended = slow.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                ended = True
        assert ended


def test_other_machines_need_tls_or_a_word(start_centre, authority, tmp_path):
    for verb, first in (("server", ["--data", tmp_path / "refused"]),
                        ("serve", [MODELS / "identity.onnx"])):
        code, message = run(verb, *first, "--port-base", 0, "--address", "0.0.0.0")
        assert code == 2 and "--tls-cert and --tls-key" in message and "--insecure" in message
    assert not (tmp_path / "refused").exists()
    open_to_all = start_centre("--address", "0.0.0.0", *authority.issue("open"),
                               ca=authority.certificate)
    open_to_all.cli("push", MODELS / "linear_a.onnx", "linear:a")
    open_to_all.cli("deploy", "linear:a")
    url = open_to_all.inference_url + "/v2/models/linear/infer"
    nobody = requests.post(url, json=BODY, verify=authority.certificate, timeout=30)
    assert nobody.status_code == 401, "others may come: a token is needed"
    open_to_all.cli("infer", "linear", "--input", "-", stdin=json.dumps(BODY))


def test_files_that_cannot_be_used_are_one_sentence(authority, stranger, tmp_path):
    cert, key = authority.issue("mine")[1::2]
    other = stranger.issue("other")[3]
    exposed = tmp_path / "exposed.key"
    exposed.write_bytes(pathlib.Path(key).read_bytes())
    exposed.chmod(0o644)
    for verb, first in (("server", ["--data", tmp_path / "data"]),
                        ("serve", [MODELS / "identity.onnx"])):
        for arguments, code, words in (
                (["--tls-cert", cert], 2, "--tls-key: is missing"),
                (["--tls-key", key], 2, "--tls-cert: is missing"),
                (["--tls-cert", tmp_path / "no.crt", "--tls-key", key], 3, "no.crt"),
                (["--tls-cert", cert, "--tls-key", tmp_path / "no.key"], 3, "no.key"),
                (["--tls-cert", key, "--tls-key", key], 6, "no certificate in PEM form"),
                (["--tls-cert", cert, "--tls-key", other], 6, "does not belong to"),
                (["--tls-cert", cert, "--tls-key", exposed], 6, f"chmod o= {exposed}")):
            got, message = run(verb, *first, "--port-base", 0, *arguments)
            assert got == code, (verb, arguments, message)
            assert message.startswith("slipway: ") and words in message
    assert not (tmp_path / "data").exists()


def test_a_renewed_certificate_is_read_and_no_connection_ends(start_centre, tmp_path):
    mine = Authority(tmp_path / "pair", "mine")
    tls = mine.issue("server")
    centre = start_centre(*tls, ca=mine.certificate)
    before = leaf(tls[1])
    ports = [centre.ports[name] for name in ("api", "inference_rest", "metrics")]
    assert [shown_certificate(port) for port in ports] == [before] * 3
    connections = [http.client.HTTPSConnection(
        "127.0.0.1", port, timeout=30, context=ssl.create_default_context(cafile=mine.certificate))
        for port in ports]

    def ask_again():
        for connection, path in zip(connections, ("/healthz", "/v2/health/live", "/metrics")):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
    ask_again()
    sockets = [connection.sock for connection in connections]

    mine.issue("server")
    os.kill(centre.pid, signal.SIGHUP)
    renewed = leaf(tls[1])
    assert renewed != before
    programs.wait_until(lambda: [shown_certificate(port) for port in ports] == [renewed] * 3,
                        "the renewed certificate on all ports")
    ask_again()
    assert [connection.sock for connection in connections] == sockets, "none was made anew"

    pathlib.Path(tls[1]).write_text("rubbish")
    os.kill(centre.pid, signal.SIGHUP)
    said = "the TLS certificate of before stays in use"
    programs.wait_until(lambda: centre.log_tail().count(said) >= 2, "both programs to say so")
    assert [shown_certificate(port) for port in ports] == [renewed] * 3
    ask_again()


def test_serve_alone_reads_a_renewed_certificate(start_serve, tmp_path):
    mine = Authority(tmp_path / "pair", "mine")
    tls = mine.issue("server")
    serve = start_serve(MODELS / "identity.onnx", *tls, ca=mine.certificate)
    mine.issue("server")
    os.kill(serve.pid, signal.SIGHUP)
    port = serve.ports["inference_rest"]
    programs.wait_until(lambda: shown_certificate(port) == leaf(tls[1]), "the renewed one")


def test_grpc_speaks_tls_and_reads_a_renewed_certificate(start_serve, tmp_path):
    mine = Authority(tmp_path / "pair", "mine")
    tls = mine.issue("server")
    serve = start_serve(MODELS / "identity.onnx", "--name", "m", *tls, ca=mine.certificate)
    row = triton_grpc.InferInput("x", [1, 4], "FP32")
    row.set_data_from_numpy(numpy.array([[1, 2, 3, 4]], numpy.float32))

    def infers(**options):
        with triton_grpc.InferenceServerClient(serve.grpc_address, **options) as client:
            return client.infer("m", [row], client_timeout=60).as_numpy("y").tolist()

    trusted = {"ssl": True, "root_certificates": str(mine.certificate)}
    assert infers(**trusted) == [[1, 2, 3, 4]]
    with pytest.raises(triton_grpc.InferenceServerException):
        infers()
    with pytest.raises(triton_grpc.InferenceServerException):
        infers(ssl=True, root_certificates=str(Authority(tmp_path / "other", "other").certificate))
    mine.issue("server")
    os.kill(serve.pid, signal.SIGHUP)
    port = serve.ports["inference_grpc"]
    programs.wait_until(lambda: shown_certificate(port) == leaf(tls[1]), "the renewed one")
    assert infers(**trusted) == [[1, 2, 3, 4]]


def test_hang_up_ends_a_server_without_tls(slipway):
    slipway.process.send_signal(signal.SIGHUP)
    assert slipway.process.wait(60) == 0
    slipway.process = None
    assert not slipway.family(), "nothing is left behind when a terminal is closed"


def test_a_data_plane_that_goes_on_is_adopted_or_follows_the_settings(start_centre, authority):
    centre = start_centre(*authority.issue("server"), ca=authority.certificate)
    centre.cli("push", MODELS / "linear_a.onnx", "linear:a")
    centre.cli("deploy", "linear:a")

    def data_plane():
        return [pid for pid, line in centre.family().items() if "--site-folder" in line]

    def infers():
        answer = requests.post(centre.inference_url + "/v2/models/linear/infer", json=BODY,
                               verify=str(authority.certificate), timeout=30)
        return answer.status_code == 200

    first = data_plane()
    centre.kill()
    assert infers(), "the data plane goes on alone"
    centre.start()
    assert data_plane() == first, "the same settings: adopted"
    assert infers()

    centre.kill()
    centre.arguments, centre.ca = [], None
    centre.start()
    assert centre.inference_url.startswith("http://")
    assert data_plane() != first, "other settings: another process"
    programs.wait_until(infers, "answers without TLS")
    with socket.create_connection(("127.0.0.1", centre.ports["inference_rest"]), 30) as plain:
        plain.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n"
                      b"Connection: close\r\n\r\n")
        assert receive_all(plain).startswith("HTTP/1.1 200")


def test_under_nohup_a_server_survives_its_terminal(start_centre):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # handed down, as nohup does
    try:
        centre = start_centre()
    finally:
        signal.signal(signal.SIGHUP, before)
    centre.process.send_signal(signal.SIGHUP)
    centre.cli("push", MODELS / "linear_a.onnx", "linear:a")
    centre.cli("deploy", "linear:a")
    assert centre.process.poll() is None
