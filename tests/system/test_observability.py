"""Access log and traces of `slipway serve` and `slipway server`, as an operator has them."""

import gzip
import http.server
import json
import os
import signal
import threading

import numpy
import pytest
import requests
import tritonclient.grpc as triton_grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import programs
from test_ensembles import chain, ensemble, fake

MODELS = programs.ROOT / "tests/fixtures/models"
REQUEST = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"

FIELD = descriptor_pb2.FieldDescriptorProto
# Of opentelemetry-proto: {message: [(number, name, type or message, repeated)]}.
MESSAGES = {
    "AnyValue": [(1, "string_value", "string", False), (2, "bool_value", "bool", False),
                 (3, "int_value", "int64", False)],
    "KeyValue": [(1, "key", "string", False), (2, "value", "AnyValue", False)],
    "Resource": [(1, "attributes", "KeyValue", True)],
    "Scope": [(1, "name", "string", False), (2, "version", "string", False)],
    "Status": [(2, "message", "string", False), (3, "code", "int64", False)],
    "Span": [(1, "trace_id", "bytes", False), (2, "span_id", "bytes", False),
             (3, "trace_state", "string", False), (4, "parent_span_id", "bytes", False),
             (5, "name", "string", False), (6, "kind", "int64", False),
             (7, "start_time_unix_nano", "fixed64", False),
             (8, "end_time_unix_nano", "fixed64", False), (9, "attributes", "KeyValue", True),
             (15, "status", "Status", False), (16, "flags", "fixed32", False)],
    "ScopeSpans": [(1, "scope", "Scope", False), (2, "spans", "Span", True)],
    "ResourceSpans": [(1, "resource", "Resource", False), (2, "scope_spans", "ScopeSpans", True)],
    "Request": [(1, "resource_spans", "ResourceSpans", True)],
}


def message_class():
    """ExportTraceServiceRequest, made of the table above."""
    file = descriptor_pb2.FileDescriptorProto(name="otlp.proto", package="o", syntax="proto3")
    for name, fields in MESSAGES.items():
        made = file.message_type.add(name=name)
        for number, field, kind, repeated in fields:
            entry = made.field.add(name=field, number=number, label=3 if repeated else 1)
            if kind in MESSAGES:
                entry.type, entry.type_name = FIELD.TYPE_MESSAGE, f".o.{kind}"
            else:
                entry.type = getattr(FIELD, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("o.Request"))


REQUEST_CLASS = message_class()


class Collector:
    """A collector of OTLP over HTTP: `spans` is what came, by their order."""

    def __init__(self, statuses=(200,)):
        self.statuses = list(statuses)  # of the answers; the last for ever
        self.requests = []  # (path, headers) of each
        self.spans = []
        self.resource = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.statuses[min(len(outer.requests), len(outer.statuses) - 1)]
                if status == 200:
                    outer.take(body, self.headers)
                outer.requests.append((self.path, dict(self.headers)))
                self.send_response(status)
                self.send_header("Retry-After", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, body, headers):
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        message = REQUEST_CLASS.FromString(body)
        for resource_spans in message.resource_spans:
            self.resource = texts(resource_spans.resource.attributes)
            for scope_spans in resource_spans.scope_spans:
                assert scope_spans.scope.name == "slipway"
                self.spans.extend(scope_spans.spans)

    def wait(self, count):
        programs.wait_until(lambda: len(self.spans) >= count, f"{count} spans")
        return self.spans

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def texts(attributes):
    return {a.key: a.value.string_value or a.value.int_value for a in attributes}


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


def infer(program, name="m", body=None, **headers):
    return requests.post(f"{program.inference_url}/v2/models/{name}/infer", timeout=30,
                         json=REQUEST if body is None else body, headers=headers)


def lines_of(path, count):
    """The lines of an access log, once there are so many."""
    def read():
        lines = path.read_text().splitlines() if path.exists() else []
        return lines if len(lines) >= count else None
    return [json.loads(line) for line in programs.wait_until(read, f"{count} lines of {path}")]


def test_access_log_of_both_protocols(start_serve, tmp_path):
    log = tmp_path / "access.log"
    serve = start_serve(MODELS / "linear_a.onnx", "--name", "m", "--access-log", log)
    assert infer(serve, traceparent=TRACEPARENT).status_code == 200
    assert infer(serve, name="nope").status_code == 404
    assert infer(serve, body={"inputs": []}).status_code == 400
    with triton_grpc.InferenceServerClient(serve.grpc_address) as client:
        tensor = triton_grpc.InferInput("x", [1, 4], "FP32")
        tensor.set_data_from_numpy(numpy.array([[1, 2, 3, 4]], numpy.float32))
        client.infer("m", [tensor], headers={"traceparent": TRACEPARENT})
        with pytest.raises(triton_grpc.InferenceServerException):
            client.infer("nope", [tensor])
    paths = ("/v2/models/m/infer", "/v2/models/nope/infer",
             "/inference.GRPCInferenceService/ModelInfer")
    programs.wait_until(lambda: sum(line["path"] in paths for line in lines_of(log, 1)) >= 5,
                        "all lines")
    lines = [line for line in lines_of(log, 1) if line["path"] in paths]
    by = {(line["protocol"], line.get("status", line.get("grpc_status"))): line for line in lines}
    assert set(by) == {("HTTP/1.1", 200), ("HTTP/1.1", 404), ("HTTP/1.1", 400), ("gRPC", 0),
                       ("gRPC", 5)}
    for key in (("HTTP/1.1", 200), ("gRPC", 0)):
        line = by[key]
        assert line["trace_id"] == TRACE and line["span_id"] != PARENT
        assert line["service"] == "default/m" and line["revision"] == "1"
        assert line["peer"] == "127.0.0.1"
        assert line["bytes_in"] > 0 and line["bytes_out"] > 0
        assert line["duration_us"] >= line["queue_us"] + line["compute_us"] > 0
    assert "service" not in by["HTTP/1.1", 404]
    assert by["HTTP/1.1", 400]["trace_id"] != TRACE


def test_sample_of_what_goes_well_and_all_errors(start_serve, tmp_path):
    log = tmp_path / "access.log"
    serve = start_serve(MODELS / "linear_a.onnx", "--name", "m", "--access-log", log,
                        "--access-log-rate", "0")
    for _ in range(20):
        assert infer(serve).status_code == 200
    assert infer(serve, name="nope").status_code == 404
    assert [line["status"] for line in lines_of(log, 1)] == [404]


def test_hangup_opens_the_moved_file_anew(start_serve, tmp_path):
    log = tmp_path / "access.log"
    serve = start_serve(MODELS / "linear_a.onnx", "--name", "m", "--access-log", log)
    infer(serve)
    lines_of(log, 1)
    log.rename(tmp_path / "access.log.1")
    os.kill(serve.pid, signal.SIGHUP)
    programs.wait_until(lambda: infer(serve).ok and log.exists(), "the new file")
    assert all(line["status"] == 200 for line in lines_of(log, 1))


def test_a_full_disk_costs_lines_and_no_request(start_serve):
    serve = start_serve(MODELS / "linear_a.onnx", "--name", "m", "--access-log", "/dev/full")
    assert infer(serve).status_code == 200

    def dropped():
        text = requests.get(serve.metrics_url, timeout=30).text
        return any(line.startswith("slipway_access_log_dropped_total ") and
                   float(line.split()[1]) >= 1 for line in text.splitlines())
    programs.wait_until(dropped, "the count of lost lines")
    assert infer(serve).status_code == 200


def test_the_data_plane_of_a_server_has_them_too(start_centre, tmp_path, collector):
    log = tmp_path / "access.log"
    centre = start_centre("--access-log", log, "--otlp-endpoint", collector.url)
    centre.cli("push", MODELS / "linear_a.onnx", "m:v1")
    centre.cli("deploy", "m:v1")
    assert infer(centre, traceparent=TRACEPARENT).status_code == 200
    programs.wait_until(lambda: any(line.get("service") == "default/m" for line in
                                    lines_of(log, 1)), "the line of the request")
    assert {span.name for span in collector.wait(3)} >= {"POST default/m", "queue", "compute"}
    log.rename(tmp_path / "access.log.1")
    os.kill(centre.pid, signal.SIGHUP)
    programs.wait_until(lambda: infer(centre).ok and log.exists(), "the new file")


@pytest.mark.parametrize("arguments, word", [
    (("--access-log", "/no/such/folder/x"), "cannot be opened"),
    (("--access-log-rate", "1.5"), "0 to 1"),
    (("--trace-ratio", "nan"), "0 to 1"),
    (("--otlp-endpoint", "collector:4318"), "--otlp-endpoint: "),
])
def test_bad_options_are_told_at_once(start_serve, arguments, word):
    with pytest.raises(AssertionError) as error:
        start_serve(MODELS / "linear_a.onnx", *arguments)
    assert word in str(error.value)


def test_spans_of_a_request(start_serve, collector):
    serve = start_serve(MODELS / "linear_a.onnx", "--name", "m", environment={
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=s3cret", "OTEL_SERVICE_NAME": "edge"})
    answer = infer(serve, traceparent=TRACEPARENT, tracestate="a=b")
    spans = {span.name: span for span in collector.wait(3)}
    root = spans["POST default/m"]
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{root.span_id.hex()}-01"
    assert root.trace_id.hex() == TRACE and root.parent_span_id.hex() == PARENT
    assert root.trace_state == "a=b" and root.kind == 2 and root.status.code == 0
    told = texts(root.attributes)
    assert told["http.request.method"] == "POST" and told["http.response.status_code"] == 200
    assert told["slipway.revision"] == "1"
    for name in ("queue", "compute"):
        assert spans[name].parent_span_id == root.span_id and spans[name].kind == 1
        assert (root.start_time_unix_nano <= spans[name].start_time_unix_nano <=
                spans[name].end_time_unix_nano <= root.end_time_unix_nano)
    assert collector.resource["service.name"] == "edge"
    path, headers = collector.requests[0]
    assert path == "/v1/traces" and headers["api-key"] == "s3cret"
    assert "s3cret" not in serve.log.read_text()


def test_each_step_of_an_ensemble_has_a_span(start_serve, tmp_path, collector):
    root = tmp_path / "models"
    fake(root, "slow", delayUs=2_000)
    fake(root, "bad", failOn=13)
    ensemble(root, "inner", chain(["slow", "bad"]))
    ensemble(root, "outer", chain(["slow", "inner"]))
    serve = start_serve(f"--model-repository={root}", "--otlp-endpoint", collector.url)
    assert infer(serve, name="outer", traceparent=TRACEPARENT).status_code == 200
    spans = collector.wait(7)
    by = {span.span_id: span for span in spans}
    steps = [span for span in spans if span.name.startswith("step ")]
    assert sorted(span.name for span in steps) == [
        "step default/bad", "step default/inner", "step default/slow", "step default/slow"]
    for span in steps:
        compute = by[span.parent_span_id]
        assert compute.name == "compute" and span.trace_id.hex() == TRACE
        assert texts(span.attributes)["slipway.revision"] == "1" and span.status.code == 0
        assert (compute.start_time_unix_nano <= span.start_time_unix_nano <=
                span.end_time_unix_nano <= compute.end_time_unix_nano)
        if span.name == "step default/slow":
            assert span.end_time_unix_nano - span.start_time_unix_nano >= 2_000_000
    body = {"inputs": [{**REQUEST["inputs"][0], "data": [13, 0, 0, 0]}]}
    assert infer(serve, name="outer", body=body).status_code == 500
    spans = collector.wait(14)
    assert {span.name: span.status.code for span in spans if span.status.code} == {
        "POST default/outer": 2, "step default/bad": 2, "step default/inner": 2}


def test_grpc_has_spans_and_the_answer_names_them(start_serve, collector):
    serve = start_serve(MODELS / "linear_a.onnx", "--name", "m", "--otlp-endpoint", collector.url)
    with triton_grpc.InferenceServerClient(serve.grpc_address) as client:
        tensor = triton_grpc.InferInput("x", [1, 4], "FP32")
        tensor.set_data_from_numpy(numpy.array([[1, 2, 3, 4]], numpy.float32))
        client.infer("m", [tensor], headers={"traceparent": TRACEPARENT})
    spans = {span.name: span for span in collector.wait(3)}
    told = texts(spans["inference.GRPCInferenceService/ModelInfer"].attributes)
    assert told["rpc.service"] == "inference.GRPCInferenceService"
    assert told["rpc.method"] == "ModelInfer" and told["rpc.grpc.status_code"] == 0
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}


def test_a_collector_that_refuses_for_a_while_gets_them_later(start_serve):
    collector = Collector(statuses=(503, 429, 200))
    try:
        serve = start_serve(MODELS / "linear_a.onnx", "--name", "m",
                            "--otlp-endpoint", collector.url)
        assert infer(serve, traceparent=TRACEPARENT).status_code == 200
        assert len(collector.wait(3)) == 3
        assert len(collector.requests) == 3
    finally:
        collector.close()


def test_settings_of_v2_switch_traces(start_serve, collector):
    serve = start_serve(MODELS / "linear_a.onnx", "--name", "m", "--allow-control",
                        "--otlp-endpoint", collector.url, "--trace-ratio", "0")
    url = f"{serve.inference_url}/v2/models/m/trace/setting"
    assert "traceresponse" not in infer(serve).headers
    changed = requests.post(url, json={"trace_level": ["TIMESTAMPS"], "trace_rate": "1"},
                            timeout=30)
    assert changed.json()["trace_level"] == ["TIMESTAMPS"]
    assert "traceresponse" in infer(serve).headers
    requests.post(url, json={"trace_level": ["OFF"]}, timeout=30).raise_for_status()
    assert "traceresponse" not in infer(serve, traceparent=TRACEPARENT).headers
    refused = requests.post(url, json={"trace_level": ["TENSORS"]}, timeout=30)
    assert refused.status_code >= 400
    assert requests.get(url, timeout=30).json()["trace_level"] == ["OFF"]
