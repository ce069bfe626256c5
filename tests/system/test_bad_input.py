"""Hostile and broken input on every port: the protocol's own error, and the system as it was."""

import json
import socket
import time

import pytest
import requests

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
GOOD = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    plane = programs.DataPlane(tmp_path_factory.mktemp("serve"), MODELS / "linear_a.onnx",
                               "--name", "m")
    try:
        yield plane.start()
    finally:
        plane.close()


def infer(serve, body, model="m", **headers):
    data = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return requests.post(f"{serve.inference_url}/v2/models/{model}/infer", data=data,
                         headers=headers, timeout=30)


def still_works(serve):
    answer = infer(serve, {"inputs": [GOOD]})
    assert answer.status_code == 200, answer.text


def with_input(**changes):
    return {"inputs": [{**GOOD, **changes}]}


BAD_INFER = {
    "empty body": ("", 400, ""),
    "no JSON": ("{", 400, ""),
    "trailing bytes": (json.dumps({"inputs": [GOOD]}) + "x", 400, ""),
    "cut in the middle": (json.dumps({"inputs": [GOOD]})[:-20], 400, ""),
    "10 MB of nesting": ("[" * 10_000_000, 400, ""),
    "nesting in data": ('{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":'
                        + "[" * 100_000 + "]" * 100_000 + "}]}", 400, ""),
    "an array": ([], 400, ""),
    "no inputs": ({}, 400, "inputs"),
    "inputs is a number": ({"inputs": 1}, 400, "inputs"),
    "no input": ({"inputs": []}, 400, ""),
    "unknown input": (with_input(name="nope"), 400, "nope"),
    "input twice": ({"inputs": [GOOD, GOOD]}, 400, "x"),
    "no name": ({"inputs": [{k: v for k, v in GOOD.items() if k != "name"}]}, 400, "name"),
    "no shape": ({"inputs": [{k: v for k, v in GOOD.items() if k != "shape"}]}, 400, "shape"),
    "no data": ({"inputs": [{k: v for k, v in GOOD.items() if k != "data"}]}, 400, "data"),
    "wrong type": (with_input(datatype="INT64"), 400, "INT64"),
    "unknown type": (with_input(datatype="FP33"), 400, "FP33"),
    "wrong rank": (with_input(shape=[4]), 400, "shape"),
    "wrong dimension": (with_input(shape=[1, 5], data=[1] * 5), 400, "shape"),
    "negative dimension": (with_input(shape=[1, -4]), 400, ""),
    "dimension is text": (with_input(shape=["1", 4]), 400, "shape"),
    "product of dimensions overflows": (with_input(shape=[2**62, 2**62]), 400, ""),
    "product of dimensions is 2^64": (with_input(shape=[2**32, 2**32]), 400, ""),
    "huge product": (with_input(shape=[2**40, 4]), 400, ""),
    "too little data": (with_input(data=[1, 2, 3]), 400, "shape"),
    "too much data": (with_input(data=[1, 2, 3, 4, 5]), 400, "shape"),
    "text in data": (with_input(data=[1, 2, 3, "4"]), 400, ""),
    "object in data": (with_input(data=[1, 2, 3, {}]), 400, ""),
    "number that is none": ('{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":'
                            '[1,2,3,4e]}]}', 400, ""),
    "unknown output": ({"inputs": [GOOD], "outputs": [{"name": "nope"}]}, 400, "nope"),
    "id is a number": ({"id": 7, "inputs": [GOOD]}, 400, "id"),
    "invalid UTF-8": (b'{"id":"\xff","inputs":[]}', 400, "UTF-8 at byte 8"),
    "line break in a string": (b'{"id":"a\nb","inputs":[]}', 400, "at byte 9"),
    "unknown model": ({"inputs": [GOOD]}, 404, "nope"),
}


@pytest.mark.parametrize("case", BAD_INFER)
def test_infer(serve, case):
    body, status, word = BAD_INFER[case]
    answer = infer(serve, body, model="nope" if case == "unknown model" else "m")
    assert answer.status_code == status, answer.text
    assert word in answer.json()["error"]
    still_works(serve)


def test_unknown_version_and_path(serve):
    for path, status in (("/v2/models/m/versions/99/infer", 404), ("/v2/nope", 404),
                         ("/v2/models/m/versions/99", 404), ("/v2/models/nope", 404)):
        method = requests.post if path.endswith("infer") else requests.get
        answer = method(serve.inference_url + path, data=json.dumps({"inputs": [GOOD]}), timeout=10)
        assert answer.status_code == status, path
        assert answer.json()["error"]
    answer = requests.get(serve.inference_url + "/v2/models/m/infer", timeout=10)
    assert answer.status_code == 405
    still_works(serve)


def raw(serve, request, wait_s=30):
    """Sends bytes and returns all that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", serve.ports["inference_rest"]), 10) as connection:
        connection.settimeout(wait_s)
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


HEAD = b"POST /v2/models/m/infer HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize("name, request_bytes, status", [
    ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b" 400 "),
    ("head too large", HEAD + b"X: " + b"a" * 200_000 + b"\r\n\r\n", b" 431 "),
    ("too many headers", HEAD + b"".join(b"X%d: 1\r\n" % n for n in range(2000)) + b"\r\n",
     b" 431 "),
    ("two lengths", HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b" 400 "),
    ("length and chunked",
     HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     b" 400 "),
    ("bad chunk size",
     HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n", b" 400 "),
    ("negative length", HEAD + b"Content-Length: -5\r\n\r\n", b" 400 "),
    ("huge length", HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n", b" 400 "),
    ("no host", b"GET /v2 HTTP/1.1\r\n\r\n", b" 400 "),
    ("foreign host", b"GET /v2 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
     b" 403 "),
    ("folded header", b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n", b" 400 "),
    ("space before colon", b"GET /v2 HTTP/1.1\r\nHost : localhost\r\n\r\n", b" 400 "),
    ("body above the limit", HEAD + b"Content-Length: 9999999999\r\n\r\n", b" 413 "),
])
def test_http(serve, name, request_bytes, status):
    head, body = raw(serve, request_bytes).split(b"\r\n\r\n", 1)
    assert status in head.split(b"\r\n", 1)[0], name
    assert json.loads(body)["error"], name
    still_works(serve)


def test_slow_heads_do_not_stop_others(serve):
    """200 connections that never finish their head: others are answered as before."""
    slow = [socket.create_connection(("127.0.0.1", serve.ports["inference_rest"]), 10)
            for _ in range(200)]
    try:
        for connection in slow:
            connection.sendall(b"POST /v2/models/m/infer HTTP/1.1\r\nHost: local")
        begin = time.monotonic()
        for _ in range(20):
            still_works(serve)
        assert time.monotonic() - begin < 10
        slow[0].settimeout(30)
        answer = slow[0].recv(4096)
        assert b" 408 " in answer.split(b"\r\n", 1)[0] or answer == b""
    finally:
        for connection in slow:
            connection.close()


def test_a_file_that_is_no_model(start_serve, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model at all" * 100)
    plane = start_serve(broken, wait=False)
    assert plane.process.wait(20) != 0
    text = plane.log_tail()
    assert "broken.onnx" in text, text
    plane.process = None


def test_port_in_use(start_serve):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        plane = programs.DataPlane(start_serve.tmp_path / "taken", MODELS / "linear_a.onnx")
        done = plane.cli("serve", MODELS / "linear_a.onnx", "--port-base", port, check=False)
        assert done.returncode != 0
        assert str(port) in done.stderr and "in use" in done.stderr, done.stderr


def test_second_server_on_the_same_folder(slipway):
    done = slipway.cli("server", "--data", slipway.data, "--port-base", 0, check=False)
    assert done.returncode != 0
    assert str(slipway.pid) in done.stderr, done.stderr
    slipway.cli("services")


def test_older_program_on_a_newer_folder(slipway):
    slipway.stop()
    (slipway.data / "format").write_text("format: 999\nprogram: slipway 9.9\n")
    done = slipway.cli("server", "--data", slipway.data, "--port-base", 0, check=False)
    assert done.returncode != 0
    assert "999" in done.stderr, done.stderr


def test_blob_with_the_wrong_digest(slipway):
    session = requests.Session()
    session.headers.update(slipway.headers)
    begun = session.post(slipway.api_url + "/v2/default/m/blobs/uploads/", timeout=10)
    assert begun.status_code == 202, begun.text
    location = requests.compat.urljoin(slipway.api_url, begun.headers["Location"])
    wrong = "sha256:" + "0" * 64
    answer = session.put(location, params={"digest": wrong}, data=b"bytes", timeout=10)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "DIGEST_INVALID"
    blob = session.head(f"{slipway.api_url}/v2/default/m/blobs/{wrong}", timeout=10)
    assert blob.status_code == 404


RESOURCES = [
    ({"kind": "Service"}, "metadata.name"),
    ({"kind": "Service", "metadata": {"name": "UPPER"}, "spec": {"predictor": {"model": "a:b"}}},
     "metadata.name"),
    ({"kind": "Service", "metadata": {"name": "s"}, "spec": {"predictor": {"modle": "a:b"}}},
     "spec.predictor.modle"),
    ({"kind": "Service", "metadata": {"name": "s"}, "spec": {"predictor": {"model": 7}}},
     "spec.predictor.model"),
    ({"kind": "Service", "metadata": {"name": "s"},
      "spec": {"predictor": {"model": "a:b", "instances": -1}}}, "spec.predictor.instances"),
    ({"kind": "Service", "metadata": {"name": "s"}, "spec": {"predictor": {"model": "nope:v1"}}},
     "spec.predictor.model"),
]


@pytest.mark.parametrize("document, field", RESOURCES)
def test_resources(slipway_module, document, field):
    answer = requests.post(slipway_module.api_url + "/api/v1/projects/default/services",
                           json={"apiVersion": "slipway/v1", **document},
                           headers=slipway_module.headers, timeout=10)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json()["field"] == field, answer.text
    assert requests.get(slipway_module.api_url + "/api/v1/projects/default/services",
                        headers=slipway_module.headers, timeout=10).json()["items"] == []
