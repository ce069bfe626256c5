"""Clients of inference that prove who they are by a certificate: mTLS on REST and gRPC."""

import json
import os
import signal
import ssl
import subprocess

import grpc
import pytest
import requests

import programs
from test_tls import BODY, Authority, run

MODELS = programs.ROOT / "tests/fixtures/models"
HEALTH = "/grpc.health.v1.Health/Check"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "ca")


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("clients"), "clients")


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("strangers"), "strangers")


def client_of(authority, name, *extensions):
    """(certificate, key) of a client, as requests takes them."""
    certificate, key = authority.folder / f"{name}.crt", authority.folder / f"{name}.key"
    authority.sign(certificate, key, "extendedKeyUsage=clientAuth", *extensions)
    return str(certificate), str(key)


def infer(serve, authority, cert=None):
    # A session of its own: kept connections have proved what they have.
    with requests.Session() as session:
        return session.post(f"{serve.inference_url}/v2/models/m/infer", json=BODY, timeout=30,
                            verify=str(authority.certificate), cert=cert)


def is_refused(serve, authority, cert=None):
    try:
        infer(serve, authority, cert)
    except requests.exceptions.RequestException:
        return True
    return False


def grpc_health(serve, authority, cert=None):
    """Serialized answer of gRPC's health check; raises grpc.RpcError."""
    root = authority.certificate.read_bytes()
    chain, key = (open(path, "rb").read() for path in cert) if cert else (None, None)
    credentials = grpc.ssl_channel_credentials(root, key, chain)
    with grpc.secure_channel(serve.grpc_address, credentials) as channel:
        return channel.unary_unary(HEALTH)(b"", timeout=30)


def start(start_serve, authority, clients, *arguments):
    """A data plane that wants certificates; probes of the fixture have none, so it waits itself."""
    serve = start_serve(MODELS / "linear_a.onnx", "--name", "m", *authority.issue("server"),
                        "--tls-client-ca", clients.certificate, *arguments,
                        ca=authority.certificate, wait=False)
    programs.wait_until(serve._has_ports, "the ports")
    return serve


def test_only_clients_of_the_authority_come_in(start_serve, authority, clients, strangers,
                                               tmp_path):
    log = tmp_path / "access.log"
    serve = start(start_serve, authority, clients, "--access-log", log)
    edge = client_of(clients, "edge")
    camera = client_of(clients, "camera", "subjectAltName=URI:spiffe://lab/camera")
    assert infer(serve, authority, edge).status_code == 200
    assert infer(serve, authority, camera).status_code == 200
    assert grpc_health(serve, authority, edge) == b"\x08\x01"
    for cert in (None, client_of(strangers, "thief")):
        assert is_refused(serve, authority, cert)
        with pytest.raises(grpc.RpcError):
            grpc_health(serve, authority, cert)
    # Who scrapes metrics needs none.
    assert requests.get(serve.metrics_url, verify=str(authority.certificate),
                        timeout=30).status_code == 200

    def identities():
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        return {line.get("identity") for line in lines}
    programs.wait_until(lambda: {"CN=edge", "spiffe://lab/camera"} <= identities(), "both lines")
    assert None not in identities()


def test_a_client_without_a_certificate_may_be_let_in(start_serve, authority, clients, strangers):
    serve = start(start_serve, authority, clients, "--tls-client-optional")
    assert infer(serve, authority).status_code == 200
    assert infer(serve, authority, client_of(clients, "edge")).status_code == 200
    assert is_refused(serve, authority, client_of(strangers, "thief"))


def test_the_authorities_are_read_again(start_serve, authority, clients, strangers, tmp_path):
    trusted = tmp_path / "clients.pem"
    trusted.write_bytes(clients.certificate.read_bytes())
    serve = start_serve(MODELS / "linear_a.onnx", "--name", "m", *authority.issue("server"),
                        "--tls-client-ca", trusted, ca=authority.certificate, wait=False)
    programs.wait_until(serve._has_ports, "the ports")
    old, new = client_of(clients, "edge"), client_of(strangers, "edge")
    assert infer(serve, authority, old).status_code == 200 and is_refused(serve, authority, new)
    trusted.write_text("nothing of use")
    os.kill(serve.pid, signal.SIGHUP)
    programs.wait_until(lambda: "TLS_CLIENT_CA" in serve.log.read_text(), "the complaint")
    assert infer(serve, authority, old).status_code == 200
    trusted.write_bytes(strangers.certificate.read_bytes())
    os.kill(serve.pid, signal.SIGHUP)
    programs.wait_until(lambda: not is_refused(serve, authority, new), "the new authority")
    programs.wait_until(lambda: is_refused(serve, authority, old), "the end of the old one")


def centre_that_wants(clients, start_centre, authority):
    """A control centre whose data plane serves `m` to who shows a certificate of `clients`."""
    centre = start_centre(*authority.issue("server"), "--tls-client-ca", clients.certificate,
                          ca=authority.certificate, wait=False)
    programs.wait_until(centre._has_ports, "the ports")
    centre.save_context()
    centre.cli("push", MODELS / "linear_a.onnx", "m:v1")
    centre.cli("deploy", "m:v1")
    return centre


def test_the_data_plane_of_a_server_wants_them_and_its_api_does_not(start_centre, authority,
                                                                   clients):
    centre = centre_that_wants(clients, start_centre, authority)
    assert is_refused(centre, authority)
    assert infer(centre, authority, client_of(clients, "edge")).status_code == 200


def assert_refused(done, told):
    # 8 where the server has ended the connection before its alert is read.
    assert done.returncode in (6, 8) and told in done.stderr, done.stderr


def test_the_command_line_shows_a_certificate(start_centre, authority, clients, strangers,
                                              tmp_path):
    centre = centre_that_wants(clients, start_centre, authority)
    request = tmp_path / "x.json"
    request.write_text(json.dumps(BODY))
    certificate, key = client_of(clients, "edge")
    infer_ = ("infer", "m", "--input", request, "-o", "json")
    edge = ("--cert", certificate, "--key", key)

    refused = centre.cli(*infer_, check=False)
    assert_refused(refused, "wants a client certificate")
    answer = json.loads(centre.cli(*infer_, *edge).stdout)
    assert answer["model_name"] == "m"
    both = tmp_path / "both.pem"
    both.write_text(open(certificate).read() + open(key).read())
    both.chmod(0o600)
    assert json.loads(centre.cli(*infer_, "--cert", both).stdout) == answer
    lines = tmp_path / "in.jsonl"
    lines.write_text((json.dumps(BODY) + "\n") * 3)
    centre.cli("infer", "m", "--batch", lines, "--out", tmp_path / "out.jsonl", *edge)
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3
    report = json.loads(centre.cli("bench", "m", "--duration", "200ms", "--warm-up", "0s",
                                   "-o", "json", *edge).stdout)
    assert report["requests"] > 0 and report["failed"] == 0

    thief = client_of(strangers, "thief")
    refused = centre.cli(*infer_, "--cert", thief[0], "--key", thief[1], check=False)
    assert_refused(refused, "does not take the")
    for wrong, told in ((("--key", key), "--cert"),
                        (("--cert", certificate, "--key", thief[1]), "--cert, --key: "),
                        (("--cert", certificate), "--cert: "),
                        (("--cert", "/nowhere.pem"), "/nowhere.pem")):
        refused = centre.cli(*infer_, *wrong, check=False)
        assert refused.returncode != 0 and told in refused.stderr, wrong

    # What the context has needs no flags; flags win.
    shown = json.loads(centre.cli("context", "show", "-o", "json").stdout)
    add = ["context", "add", shown["name"], "--address", shown["address"], "--inference",
           shown["inference"], "--token-file", shown["tokenFile"], "--ca-file", shown["caFile"]]
    centre.cli(*add, *edge)
    assert json.loads(centre.cli(*infer_).stdout) == answer
    kept = json.loads(centre.cli("context", "show", "-o", "json").stdout)
    assert (kept["certFile"], kept["keyFile"]) == (certificate, key)
    assert_refused(centre.cli(*infer_, "--cert", thief[0], "--key", thief[1], check=False),
                   "does not take the")
    refused = centre.cli(*add, "--key", key, check=False)
    assert refused.returncode != 0 and "--cert" in refused.stderr


def test_a_session_is_not_taken_up_without_its_certificate(start_serve, authority, clients):
    serve = start(start_serve, authority, clients)
    cert, key = client_of(clients, "edge")
    command = ["openssl", "s_client", "-connect",
               f"127.0.0.1:{serve.ports['inference_rest']}", "-CAfile",
               str(authority.certificate), "-cert", cert, "-key", key, "-tls1_2", "-reconnect"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False)
    assert b"Verification: OK" in done.stdout or b"Verify return code: 0" in done.stdout
    assert done.stdout.count(b"Reused, TLSv1.2") >= 1, "tickets work"


@pytest.mark.parametrize("arguments, word", [
    (("--tls-client-ca", "/nowhere.pem"), "--tls-cert and --tls-key"),
    (("--tls-client-optional",), "--tls-client-ca"),
])
def test_options_that_say_nothing(arguments, word):
    code, sentence = run("serve", MODELS / "linear_a.onnx", *arguments)
    assert code == 2 and word in sentence


def test_a_file_without_authorities_is_refused(authority, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for path, word in ((empty, "no certificate in PEM form"), (tmp_path / "none", "none")):
        code, sentence = run("serve", MODELS / "linear_a.onnx", *authority.issue("server"),
                             "--tls-client-ca", path)
        assert code != 0 and word in sentence
    assert ssl.OPENSSL_VERSION
