"""Binary outputs that are too large to be copied: whole, in order, counted, and left safely."""

import json
import socket

import numpy
import pytest
import requests

import programs

FLOATS = 300_000  # 1.2 MB each
GENEROUS_S = 60


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    tensor = {"datatype": "FP32", "shape": [FLOATS]}
    model = folder / "pair.fake.json"
    model.write_text(json.dumps({
        "inputs": [{"name": "a", **tensor}, {"name": "b", **tensor}],
        "outputs": [{"name": "c", **tensor}, {"name": "d", **tensor}]}))
    with programs.DataPlane(folder / "plane", model) as data_plane:
        yield data_plane


@pytest.fixture(scope="module")
def arrays():
    random = numpy.random.default_rng(11)
    return [random.random(FLOATS, numpy.float32) for _ in range(2)]


def request_of(arrays, outputs):
    head = json.dumps({
        "inputs": [{"name": name, "shape": [FLOATS], "datatype": "FP32",
                    "parameters": {"binary_data_size": array.nbytes}}
                   for name, array in zip("ab", arrays, strict=True)],
        "outputs": outputs}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head)), "Accept-Encoding": None}
    return head + b"".join(array.tobytes() for array in arrays), headers


def infer(plane, arrays, outputs, **more):
    body, headers = request_of(arrays, outputs)
    headers |= more
    answer = requests.post(f"{plane.inference_url}/v2/models/pair/infer", data=body,
                           headers=headers, timeout=GENEROUS_S)
    assert answer.status_code == 200, answer.text
    size = int(answer.headers["Inference-Header-Content-Length"])
    described = json.loads(answer.content[:size])["outputs"]
    values, at = {}, size
    for output in described:
        if "data" in output:
            values[output["name"]] = numpy.array(output["data"], numpy.float32)
            continue
        nbytes = output["parameters"]["binary_data_size"]
        values[output["name"]] = numpy.frombuffer(answer.content[at:at + nbytes], numpy.float32)
        at += nbytes
    assert at == len(answer.content)
    return values


BOTH = [{"name": name, "parameters": {"binary_data": True}} for name in "cd"]


@pytest.mark.parametrize("coding", [None, "gzip", "identity"])
def test_both_come_in_their_order(plane, arrays, coding):
    for _ in range(3):  # memory of an answer that went is used again
        values = infer(plane, arrays, BOTH, **{"Accept-Encoding": coding})
        numpy.testing.assert_array_equal(values["c"], arrays[0])
        numpy.testing.assert_array_equal(values["d"], arrays[1])


def test_in_the_order_that_was_asked_for(plane, arrays):
    values = infer(plane, arrays, BOTH[::-1])
    assert list(values) == ["d", "c"]
    numpy.testing.assert_array_equal(values["c"], arrays[0])
    numpy.testing.assert_array_equal(values["d"], arrays[1])


def test_one_of_them_in_json(plane, arrays):
    values = infer(plane, arrays, [{"name": "c"}, BOTH[1]])
    numpy.testing.assert_array_equal(values["c"], arrays[0])
    numpy.testing.assert_array_equal(values["d"], arrays[1])


def test_who_leaves_in_the_middle_leaves_no_memory_behind(plane, arrays):
    body, headers = request_of(arrays, BOTH)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    head = (f"POST /v2/models/pair/infer HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    for _ in range(8):
        with socket.create_connection(("127.0.0.1", plane.ports["inference_rest"]),
                                      GENEROUS_S) as client:
            client.sendall(head + body)
            assert client.recv(1000).startswith(b"HTTP/1.1 200")

    def memory():
        lines = requests.get(plane.metrics_url, timeout=GENEROUS_S).text.splitlines()
        return [float(line.split()[1]) for line in lines
                if line.startswith("slipway_request_memory_bytes ")]

    programs.wait_until(lambda: memory() == [0], "the memory of answers that nobody reads")
    numpy.testing.assert_array_equal(infer(plane, arrays, BOTH)["d"], arrays[1])
