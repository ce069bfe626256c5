"""A revision is replaced under load: no request fails, and a bad one never gets traffic."""

import concurrent.futures
import http.client
import json
import os
import pathlib
import signal
import threading
import urllib.parse

import numpy
import pytest
import requests
import tritonclient.grpc as triton

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32",
                               "data": [1, 2, 3, 4]}]})


class Load:
    """Clients that ask without pause and count what they saw; half of them connect each time."""

    def __init__(self, url, clients=8):
        self.url = urllib.parse.urlsplit(url)
        self.stop = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(clients)
        self.futures = [self.pool.submit(self._client, number % 2 == 0)
                        for number in range(clients)]

    def _client(self, keep_alive):
        seen, failures = {}, []
        headers = {} if keep_alive else {"Connection": "close"}
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=30)
        while not self.stop.is_set():
            try:
                connection.request("POST", self.url.path, BODY, headers)
                answer = connection.getresponse()
                text = answer.read()
            except OSError as error:
                failures.append(repr(error))
                connection.close()
                continue
            if answer.status != 200:
                failures.append(f"{answer.status} {text!r}")
            else:
                values = tuple(json.loads(text)["outputs"][0]["data"])
                seen[values] = seen.get(values, 0) + 1
        return seen, failures

    def finish(self):
        self.stop.set()
        seen, failures = {}, []
        for future in self.futures:
            part, failed = future.result()
            failures += failed
            for values, count in part.items():
                seen[values] = seen.get(values, 0) + count
        self.pool.shutdown()
        return seen, failures


@pytest.fixture
def deployed(slipway):
    for tag, model in (("a", "linear_a.onnx"), ("b", "linear_b.onnx")):
        slipway.cli("push", MODELS / model, f"linear:{tag}")
    slipway.cli("deploy", "linear:a")
    return slipway


class GrpcLoad(Load):
    """The same over gRPC: half of the clients open a channel for each call."""

    def __init__(self, address, clients=8):
        self.address = address
        super().__init__("", clients)

    def _client(self, keep_alive):
        seen, failures = {}, []
        row = triton.InferInput("x", [1, 4], "FP32")
        row.set_data_from_numpy(numpy.array([[1, 2, 3, 4]], numpy.float32))
        client = triton.InferenceServerClient(self.address)
        while not self.stop.is_set():
            try:
                values = tuple(client.infer("linear", [row]).as_numpy("y").reshape(-1).tolist())
                seen[values] = seen.get(values, 0) + 1
            except triton.InferenceServerException as error:
                failures.append(str(error))
            if not keep_alive:
                client.close()
                client = triton.InferenceServerClient(
                    self.address, channel_args=[("grpc.use_local_subchannel_pool", 1)])
        client.close()
        return seen, failures


def test_upgrades_under_load_fail_no_request(deployed):
    load = Load(deployed.inference_url + "/v2/models/linear/infer")
    for number in range(30):
        deployed.cli("upgrade", "linear", f"linear:{'ba'[number % 2]}")
    seen, failures = load.finish()
    assert failures == []
    assert len(seen) == 2, "both models answered, and nothing else did"


def test_upgrades_under_load_fail_no_grpc_call(deployed):
    load = GrpcLoad(deployed.grpc_address)
    for number in range(30):
        deployed.cli("upgrade", "linear", f"linear:{'ba'[number % 2]}")
    seen, failures = load.finish()
    assert failures == []
    assert len(seen) == 2, "both models answered, and nothing else did"


def test_the_control_centre_dies_and_comes_back_under_load(deployed):
    load = Load(deployed.inference_url + "/v2/models/linear/infer")
    port = deployed.ports["inference_rest"]
    serve = json.loads(deployed.cli("status", "-o", "json").stdout)["serve"]["pid"]
    for _ in range(3):
        deployed.kill()
        assert requests.post(load.url.geturl(), BODY, timeout=10).status_code == 200
        deployed.start()
        assert deployed.ports["inference_rest"] == port
        assert json.loads(deployed.cli("status", "-o", "json").stdout)["serve"]["pid"] == serve
    deployed.cli("upgrade", "linear", "linear:b")
    seen, failures = load.finish()
    assert failures == []
    assert len(seen) == 2


def test_another_build_takes_over_under_load(deployed, tmp_path):
    loads = [Load(deployed.inference_url + "/v2/models/linear/infer", 4),
             GrpcLoad(deployed.grpc_address, 4)]
    port = deployed.ports["inference_rest"]
    builds = [programs.other_build(tmp_path / "other"), programs.BINARY]
    for number in range(4):
        before = json.loads(deployed.cli("status", "-o", "json").stdout)["serve"]["pid"]
        assert deployed.leave() == 0
        deployed.binary = builds[number % 2]
        deployed.start()
        assert deployed.ports["inference_rest"] == port

        def taken_over():
            serve = json.loads(deployed.cli("status", "-o", "json").stdout)["serve"]
            gone = not pathlib.Path(f"/proc/{before}").exists()
            return serve["pid"] not in (0, before) and gone

        programs.wait_until(taken_over, "the other build's data plane")
    for load in loads:
        seen, failures = load.finish()
        assert failures == []
        assert len(seen) == 1


def test_a_revision_that_does_not_load_never_gets_traffic(deployed):
    deployed.cli("push", MODELS / "unknown_operator.onnx", "linear:broken")
    load = Load(deployed.inference_url + "/v2/models/linear/infer")
    done = deployed.cli("upgrade", "linear", "linear:broken", check=False)
    seen, failures = load.finish()
    assert done.returncode != 0
    assert "linear" in done.stderr and "perat" in done.stderr, done.stderr
    assert failures == []
    assert len(seen) == 1, "only the old revision answered"
    shown = deployed.cli("describe", "service/linear").stdout
    assert "perat" in shown, shown


def test_serve_that_crashes_is_back(deployed):
    url = deployed.inference_url + "/v2/models/linear/infer"
    serve = json.loads(deployed.cli("status", "-o", "json").stdout)["serve"]["pid"]
    os.kill(serve, signal.SIGKILL)

    def again():
        try:
            return requests.post(url, BODY, timeout=5).status_code == 200
        except requests.RequestException:
            return False

    programs.wait_until(again, "an answer after the data plane was killed", timeout_s=10)
    assert json.loads(deployed.cli("status", "-o", "json").stdout)["serve"]["pid"] != serve
