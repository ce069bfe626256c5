"""Triton's generate extension, and streams of models that answer several times."""

import json
import queue
import socket

import numpy
import pytest
import requests
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

import programs

MODELS = programs.ROOT / "tests/fixtures/models"


def model(path, datatype="FP32", shape=(-1, 4), **more):
    """Writes a model that gives its input back."""
    tensor = {"datatype": datatype, "shape": list(shape)}
    path.write_text(json.dumps({"inputs": [{"name": "x"} | tensor],
                                "outputs": [{"name": "y"} | tensor]} | more))
    return path


def events_of(answer):
    """The data of the events of an answer."""
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    parts = answer.text.split("\n\n")
    assert parts.pop() == ""
    assert all(part.startswith("data: ") for part in parts)
    return [json.loads(part.removeprefix("data: ")) for part in parts]


def test_generate_on_any_model(start_serve, tmp_path):
    serve = start_serve(MODELS / "identity.onnx", "--name", "m")
    url = f"{serve.inference_url}/v2/models/m/generate"
    answer = requests.post(url, json={"x": [1, 2, 3, 4], "id": "7"}, timeout=10)
    assert answer.json() == {"id": "7", "model_name": "m", "model_version": "1",
                             "y": [1.0, 2.0, 3.0, 4.0]}
    assert events_of(requests.post(url + "_stream", json={"x": [1, 2, 3, 4]}, timeout=10)) == [
        {"model_name": "m", "model_version": "1", "y": [1.0, 2.0, 3.0, 4.0]}]
    text = start_serve(model(tmp_path / "t.fake.json", "BYTES", (1,)), "--name", "t")
    answer = requests.post(f"{text.inference_url}/v2/models/t/generate",
                           json={"x": "hello \"ü\"", "stream": False}, timeout=10)
    assert answer.json()["y"] == "hello \"ü\""


def test_streams_have_an_event_for_each_answer(start_serve, tmp_path):
    serve = start_serve(model(tmp_path / "m.fake.json", responses=5), "--name", "m")
    url = f"{serve.inference_url}/v2/models/m/generate_stream"
    for _ in range(20):
        events = events_of(requests.post(url, json={"x": [1, 2, 3, 4]}, timeout=30))
        assert events == [{"model_name": "m", "model_version": "1", "y": [1.0, 2.0, 3.0, 4.0]}] * 5
    failing = start_serve(model(tmp_path / "f.fake.json", responses=2, failRun="no luck"),
                          "--name", "f")
    events = events_of(requests.post(f"{failing.inference_url}/v2/models/f/generate_stream",
                                     json={"x": [1, 2, 3, 4]}, timeout=30))
    assert events == [{"error": "no luck"}]


def test_grpc_streams_have_a_message_for_each_answer(start_serve, tmp_path):
    serve = start_serve(model(tmp_path / "m.fake.json", responses=3), "--name", "m")
    with triton_grpc.InferenceServerClient(serve.grpc_address) as client:
        answers = queue.Queue()
        client.start_stream(lambda result, error: answers.put((result, error)))
        given = triton_grpc.InferInput("x", [1, 4], "FP32")
        given.set_data_from_numpy(numpy.array([[1, 2, 3, 4]], numpy.float32))
        for number in range(10):
            client.async_stream_infer("m", [given], request_id=str(number),
                                      enable_empty_final_response=True)
        for number in range(10):
            for part in range(3):
                result, error = answers.get(timeout=30)
                assert error is None
                response = result.get_response()
                assert response.id == str(number)
                assert response.parameters["triton_final_response"].bool_param == (part == 2)
                assert result.as_numpy("y").tolist() == [[1, 2, 3, 4]]
        client.stop_stream()
        assert client.get_model_config("m").config.model_transaction_policy.decoupled
        with pytest.raises(triton_grpc.InferenceServerException):
            client.infer("m", [given])
        assert client.is_server_live()
    with triton_http.InferenceServerClient(serve.inference_url.removeprefix("http://")) as client:
        assert client.is_model_ready("m")


def test_a_client_that_leaves_ends_the_run(start_serve, tmp_path):
    serve = start_serve(model(tmp_path / "m.fake.json", responses=2, delayUs=600_000_000),
                        "--name", "m")
    body = json.dumps({"x": [1, 2, 3, 4]}).encode()
    port = serve.ports["inference_rest"]

    def metric(name):
        lines = requests.get(serve.metrics_url, timeout=10).text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + "{"))

    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST /v2/models/m/generate_stream HTTP/1.1\r\nHost: localhost\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body) + body)
        programs.wait_until(lambda: metric("nv_inference_pending_request_count") == 1,
                            "the run to begin")
    programs.wait_until(lambda: metric("nv_inference_pending_request_count") == 0,
                        "the run to end")
