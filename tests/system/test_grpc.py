"""V2 over gRPC: the real clients, streams, health, reflection, keys, compression and upgrades."""

import asyncio
import json
import queue
import threading

import grpc
import ml_dtypes
import numpy
import pytest
import requests
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
import tritonclient.http as triton_http
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase)
from tritonclient.grpc import service_pb2
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
ROW = numpy.array([[1, 2, 3, 4]], numpy.float32)


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    serve = programs.DataPlane(tmp_path_factory.mktemp("grpc"), MODELS / "linear_a.onnx",
                               "--name", "linear")
    try:
        yield serve.start()
    finally:
        serve.close()


@pytest.fixture
def client(plane):
    with triton.InferenceServerClient(plane.grpc_address) as made:
        yield made


@pytest.fixture
def channel(plane):
    with grpc.insecure_channel(plane.grpc_address) as made:
        yield made


def tensor(values, datatype="FP32", name="x"):
    """An input for tritonclient."""
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values)
    return made


def request_of(values, **more):
    """A ModelInferRequest with raw contents, as a message."""
    return service_pb2.ModelInferRequest(
        model_name="linear",
        inputs=[{"name": "x", "datatype": "FP32", "shape": list(values.shape)}],
        raw_input_contents=[values.tobytes()], **more)


def code_of(call):
    """The status and the text with which a call fails."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details()


def test_tritonclient_asks_about_server_and_model(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("linear") and client.is_model_ready("linear", "1")
    assert not client.is_model_ready("nope")
    assert client.get_server_metadata().name == "slipway"
    metadata = client.get_model_metadata("linear", as_json=True)
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": ["1", "4"]}]
    assert metadata["outputs"] == [{"name": "y", "datatype": "FP32", "shape": ["1", "4"]}]
    assert metadata["versions"] == ["1"]
    config = client.get_model_config("linear").config
    assert config.input[0].name == "x" and list(config.input[0].dims) == [1, 4]
    assert config.input[0].data_type == 11 and config.max_batch_size == 0
    index = client.get_model_repository_index().models
    assert [(model.name, model.version, model.state) for model in index] == [
        ("linear", "1", "READY")]


def test_tritonclient_infers_and_statistics_count(client):
    before = client.get_inference_statistics("linear").model_stats[0]
    result = client.infer("linear", [tensor(ROW)], request_id="7",
                          outputs=[triton.InferRequestedOutput("y")])
    assert result.get_response().id == "7"
    assert result.get_response().model_version == "1"
    assert result.as_numpy("y").shape == (1, 4)
    by_default = client.infer("linear", [tensor(ROW)])
    assert by_default.as_numpy("y").tolist() == result.as_numpy("y").tolist()
    after = client.get_inference_statistics("linear").model_stats[0]
    assert after.inference_count == before.inference_count + 2
    assert after.inference_stats.success.count == before.inference_stats.success.count + 2
    assert after.inference_stats.compute_infer.ns > before.inference_stats.compute_infer.ns


def test_rest_and_grpc_give_the_same_numbers(client, plane):
    values = numpy.linspace(-3, 5, 4, dtype=numpy.float32).reshape(1, 4)
    with triton_http.InferenceServerClient(plane.inference_url.removeprefix("http://")) as rest:
        given = triton_http.InferInput("x", [1, 4], "FP32")
        given.set_data_from_numpy(values)
        expected = rest.infer("linear", [given]).as_numpy("y")
    assert client.infer("linear", [tensor(values)]).as_numpy("y").tolist() == expected.tolist()


TYPES = {"BOOL": numpy.bool_, "INT8": numpy.int8, "INT16": numpy.int16, "INT32": numpy.int32,
         "INT64": numpy.int64, "UINT8": numpy.uint8, "UINT16": numpy.uint16,
         "UINT32": numpy.uint32, "UINT64": numpy.uint64, "FP16": numpy.float16,
         "FP32": numpy.float32, "FP64": numpy.float64}


def values_of(datatype):
    """Two values of a type: the ends of its range."""
    kind = TYPES[datatype]
    if datatype == "BOOL":
        return numpy.array([True, False], kind)
    limits = numpy.finfo(kind) if datatype.startswith("FP") else numpy.iinfo(kind)
    return numpy.array([limits.min, limits.max], kind)


def fake_model(path, types):
    """A model that gives each input back, of the given types."""
    tensors = [{"name": f"{way}_{datatype}", "datatype": datatype, "shape": [-1],
                "symbols": [f"n_{datatype}"]} for way in ("in", "out") for datatype in types]
    path.write_text(json.dumps({"inputs": tensors[:len(types)], "outputs": tensors[len(types):]}))
    return path


def test_all_types_raw_and_typed(start_serve, tmp_path):
    names = [*TYPES, "BF16", "BYTES"]
    serve = start_serve(fake_model(tmp_path / "types.fake.json", names), "--name", "types")
    strings = numpy.array([b"", b"\x00\xff", "ü".encode()], numpy.object_)
    halves = numpy.array([1.5, -2.0], ml_dtypes.bfloat16)
    with triton.InferenceServerClient(serve.grpc_address) as client:
        inputs = [tensor(values_of(name), name, f"in_{name}") for name in TYPES]
        inputs.append(triton.InferInput("in_BF16", [2], "BF16"))
        inputs[-1].set_data_from_numpy(halves)
        inputs.append(tensor(strings, "BYTES", "in_BYTES"))
        result = client.infer("types", inputs)
        for name in TYPES:
            got = result.as_numpy(f"out_{name}")
            assert got.tolist() == values_of(name).tolist() and got.dtype == TYPES[name], name
        assert result.as_numpy("out_BF16").tolist() == [1.5, -2.0]
        assert result.as_numpy("out_BYTES").tolist() == strings.tolist()


FIELDS = {"BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents",
          "INT32": "int_contents", "INT64": "int64_contents", "UINT8": "uint_contents",
          "UINT16": "uint_contents", "UINT32": "uint_contents", "UINT64": "uint64_contents",
          "FP32": "fp32_contents", "FP64": "fp64_contents"}


def test_typed_contents(start_serve, tmp_path):
    serve = start_serve(fake_model(tmp_path / "types.fake.json", [*FIELDS, "BYTES"]),
                        "--name", "types")
    inputs = [{"name": f"in_{name}", "datatype": name, "shape": [2],
               "contents": {field: values_of(name).tolist()}} for name, field in FIELDS.items()]
    inputs.append({"name": "in_BYTES", "datatype": "BYTES", "shape": [2],
                   "contents": {"bytes_contents": [b"", b"\x00\xff"]}})
    with grpc.insecure_channel(serve.grpc_address) as made:
        stub = GRPCInferenceServiceStub(made)
        answer = stub.ModelInfer(service_pb2.ModelInferRequest(model_name="types", inputs=inputs))
        for output, raw in zip(answer.outputs, answer.raw_output_contents, strict=True):
            name = output.datatype
            if name == "BYTES":
                assert raw == b"\0\0\0\0\x02\0\0\0\x00\xff"
            else:
                assert raw == values_of(name).tobytes(), name

        def refused(name, **contents):
            wrong = [dict(each) for each in inputs]
            for each in wrong:
                if each["datatype"] == name:
                    each["contents"] = contents
            return code_of(lambda: stub.ModelInfer(
                service_pb2.ModelInferRequest(model_name="types", inputs=wrong)))

        code, text = refused("UINT8", uint_contents=[1, 256])
        assert code == grpc.StatusCode.INVALID_ARGUMENT and "256" in text and "255" in text
        code, text = refused("INT8", int_contents=[-129, 1])
        assert code == grpc.StatusCode.INVALID_ARGUMENT and "-129" in text
        code, text = refused("FP32", fp32_contents=[1, 2, 3])
        assert code == grpc.StatusCode.INVALID_ARGUMENT and "in_FP32" in text
        code, text = refused("FP32", fp32_contents=[1])
        assert code == grpc.StatusCode.INVALID_ARGUMENT and "in_FP32" in text
        code, text = refused("FP32", fp64_contents=[1, 2])
        assert code == grpc.StatusCode.INVALID_ARGUMENT and "fp32_contents" in text
        code, text = refused("BOOL")
        assert code == grpc.StatusCode.INVALID_ARGUMENT and "in_BOOL" in text


def test_errors_have_the_codes_of_the_protocol(channel):
    stub = GRPCInferenceServiceStub(channel)
    good = request_of(ROW)

    def refused(request):
        return code_of(lambda: stub.ModelInfer(request))

    unknown = request_of(ROW)
    unknown.model_name = "nope"
    assert refused(unknown) == (grpc.StatusCode.NOT_FOUND,
                                "Request for unknown model: 'nope' is not found")
    version = request_of(ROW)
    version.model_version = "9"
    assert refused(version)[0] == grpc.StatusCode.NOT_FOUND
    both = request_of(ROW)
    both.inputs[0].contents.fp32_contents.extend([1, 2, 3, 4])
    code, text = refused(both)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "contents field must not be specified when using raw_input_contents" in text
    short = request_of(ROW)
    short.raw_input_contents[0] = short.raw_input_contents[0][:-1]
    assert refused(short)[0] == grpc.StatusCode.INVALID_ARGUMENT
    more = request_of(ROW)
    more.raw_input_contents.append(b"1234")
    assert refused(more)[0] == grpc.StatusCode.INVALID_ARGUMENT
    for shape in ([1, 3], [-1, -4], [2**62, 2**62], [0, 4], [1] * 40):
        wrong = request_of(ROW)
        wrong.inputs[0].shape[:] = shape
        assert refused(wrong)[0] == grpc.StatusCode.INVALID_ARGUMENT, shape
    datatype = request_of(ROW)
    datatype.inputs[0].datatype = "FP64"
    assert "data-type" in refused(datatype)[1]
    reserved = request_of(ROW)
    reserved.parameters["triton_x"].bool_param = True
    assert "reserved" in refused(reserved)[1]
    memory = request_of(ROW)
    memory.ClearField("raw_input_contents")
    memory.inputs[0].parameters["shared_memory_region"].string_param = "r"
    assert "shared_memory_byte_size" in refused(memory)[1]
    memory.inputs[0].parameters["shared_memory_byte_size"].int64_param = 16
    assert refused(memory)[0] == grpc.StatusCode.UNIMPLEMENTED
    output = request_of(ROW)
    output.outputs.add(name="z")
    assert refused(output)[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert stub.ModelInfer(good).outputs[0].name == "y"


def test_load_and_unload_are_closed_unless_opened(client, channel):
    with pytest.raises(triton.InferenceServerException) as error:
        client.load_model("linear")
    assert "--allow-control" in str(error.value) and "failed to load 'linear'" in str(error.value)
    with pytest.raises(triton.InferenceServerException):
        client.unload_model("linear")
    # As KServe's clients send it: the model's name is field 1.
    load = channel.unary_unary("/inference.GRPCInferenceService/RepositoryModelLoad")
    code, text = code_of(lambda: load(b"\x0a\x06linear"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "'linear'" in text


def test_streams_answer_each_request(client):
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    for number in range(50):
        client.async_stream_infer("linear", [tensor(ROW)], request_id=str(number),
                                  enable_empty_final_response=number % 2 == 0)
    client.async_stream_infer("nope", [tensor(ROW)], request_id="bad")
    client.async_stream_infer("linear", [tensor(ROW)], request_id="last")
    seen = [answers.get(timeout=30) for _ in range(52)]
    client.stop_stream()
    for number, (result, error) in enumerate(seen[:50]):
        assert error is None
        response = result.get_response()
        assert response.id == str(number) and result.as_numpy("y").shape == (1, 4)
        final = response.parameters.get("triton_final_response")
        assert (final is not None and final.bool_param) == (number % 2 == 0)
    assert seen[50][0] is None and "nope" in str(seen[50][1])
    assert seen[51][0].get_response().id == "last"


def test_streams_may_end_at_the_first_error(channel):
    stub = GRPCInferenceServiceStub(channel)
    wrong = request_of(ROW)
    wrong.model_name = "nope"
    answers = stub.ModelStreamInfer(iter([request_of(ROW), wrong, request_of(ROW)]),
                                    metadata=[("triton_grpc_error", "true")])
    assert next(answers).infer_response.outputs[0].name == "y"
    assert code_of(lambda: next(answers))[0] == grpc.StatusCode.NOT_FOUND


def test_a_stream_survives_what_is_no_text(channel):
    stream = channel.stream_stream("/inference.GRPCInferenceService/ModelStreamInfer",
                                   response_deserializer=service_pb2.ModelStreamInferResponse
                                   .FromString)
    good = request_of(ROW).SerializeToString()
    wrong = [b"\x0a\x01\xff\x1a\x02\xff\xfe", b"\xff", good]
    first, second, third = list(stream(iter(wrong)))
    assert "not found" in first.error_message
    assert "protobuf" in second.error_message
    assert third.infer_response.outputs[0].name == "y"


def test_aio_infers_many_at_once(plane):
    async def run():
        async with triton_aio.InferenceServerClient(plane.grpc_address) as client:
            assert await client.is_model_ready("linear")
            results = await asyncio.gather(*[client.infer("linear", [tensor(ROW)],
                                                          request_id=str(number))
                                             for number in range(200)])
            return [result.get_response().id for result in results]
    assert asyncio.run(run()) == [str(number) for number in range(200)]


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compression_both_ways(start_serve, tmp_path, algorithm):
    serve = start_serve(fake_model(tmp_path / "m.fake.json", ["FP32"]), "--name", "m")
    values = numpy.zeros(100_000, numpy.float32)
    with triton.InferenceServerClient(serve.grpc_address) as client:
        result = client.infer("m", [tensor(values, name="in_FP32")],
                              compression_algorithm=algorithm)
        assert result.as_numpy("out_FP32").shape == (100_000,)


def test_large_tensors_many_at_once(start_serve, tmp_path):
    serve = start_serve(fake_model(tmp_path / "m.fake.json", ["FP32"]), "--name", "m")
    values = numpy.arange(4 << 20, dtype=numpy.float32)
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with triton.InferenceServerClient(serve.grpc_address,
                                      channel_args=options) as client:
        answers = queue.Queue()
        for _ in range(8):
            client.async_infer("m", [tensor(values, name="in_FP32")],
                               lambda result, error: answers.put((result, error)))
        for _ in range(8):
            result, error = answers.get(timeout=60)
            assert error is None
            assert (result.as_numpy("out_FP32") == values).all()
        too_large = numpy.zeros(17 << 20, numpy.float32)
        with pytest.raises(triton.InferenceServerException) as refused:
            client.infer("m", [tensor(too_large, name="in_FP32")])
        assert refused.value.status() == "StatusCode.RESOURCE_EXHAUSTED"
        assert client.is_model_ready("m")


def slow_model(path, run_us):
    """A model whose run takes its time."""
    each = {"datatype": "FP32", "shape": [-1, 4]}
    path.write_text(json.dumps({"inputs": [{"name": "x"} | each], "outputs": [{"name": "y"} | each],
                                "delayUs": run_us}))
    return path


def metric(serve, name, label=""):
    """The sum of the samples of a metric whose labels contain `label`."""
    lines = requests.get(serve.metrics_url, timeout=10).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines
               if line.startswith(name + "{") and label in line)


def test_deadlines_and_cancellation_end_a_run(start_serve, tmp_path):
    serve = start_serve(slow_model(tmp_path / "slow.fake.json", 5_000_000), "--name", "linear")
    with grpc.insecure_channel(serve.grpc_address) as made:
        stub = GRPCInferenceServiceStub(made)
        code, _ = code_of(lambda: stub.ModelInfer(request_of(ROW), timeout=0.5))
        assert code == grpc.StatusCode.DEADLINE_EXCEEDED
        timed = request_of(ROW)
        timed.parameters["timeout"].int64_param = 100_000
        assert code_of(lambda: stub.ModelInfer(timed)) == (grpc.StatusCode.UNAVAILABLE,
                                                           "Request timeout expired")
        failures = "nv_inference_request_failure"
        before = metric(serve, failures, 'reason="CANCELED"')
        running = stub.ModelInfer.future(request_of(ROW))
        programs.wait_until(lambda: metric(serve, "nv_inference_pending_request_count") > 0,
                            "the run to begin")
        running.cancel()
        programs.wait_until(
            lambda: metric(serve, failures, 'reason="CANCELED"') == before + 1,
            "the run to be cancelled")


def test_health(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", "inference.GRPCInferenceService"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    code, _ = code_of(lambda: stub.Check(health_pb2.HealthCheckRequest(service="nope")))
    assert code == grpc.StatusCode.NOT_FOUND
    watch = stub.Watch(health_pb2.HealthCheckRequest(service="nope"))
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


def test_health_is_watched_until_the_end(start_serve):
    serve = start_serve(MODELS / "identity.onnx")
    with grpc.insecure_channel(serve.grpc_address) as made:
        watch = health_pb2_grpc.HealthStub(made).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        stopper = threading.Thread(target=serve.stop)
        stopper.start()
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert code_of(lambda: next(watch))[0] == grpc.StatusCode.UNAVAILABLE
        stopper.join()


def test_reflection_describes_what_is_served(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    assert {"inference.GRPCInferenceService", "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection"} <= set(database.get_services())
    pool = descriptor_pool.DescriptorPool(database)
    for name in ("ModelInferRequest", "ModelInferResponse", "ModelConfig", "ModelStatistics"):
        ours = pool.FindMessageTypeByName(f"inference.{name}")
        theirs = service_pb2.DESCRIPTOR.pool.FindMessageTypeByName(f"inference.{name}")
        for field in ours.fields:
            known = theirs.fields_by_name[field.name]
            assert (field.number, field.type) == (known.number, known.type), field.full_name
    service = pool.FindServiceByName("inference.GRPCInferenceService")
    known = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    assert [method.name for method in service.methods] == [m.name for m in known.methods]


def test_a_token_file_closes_it(start_serve, tmp_path):
    token = tmp_path / "token"
    token.write_text("a-secret-of-mine\n")
    serve = start_serve(MODELS / "identity.onnx", "--name", "linear", "--token-file", token)
    with grpc.insecure_channel(serve.grpc_address) as made:
        stub = GRPCInferenceServiceStub(made)
        assert code_of(lambda: stub.ModelInfer(request_of(ROW)))[0] == \
            grpc.StatusCode.UNAUTHENTICATED
        for key in ("a-secret-of-mine2", ""):
            metadata = [("authorization", f"Bearer {key}")]
            assert code_of(lambda sent=metadata: stub.ModelInfer(
                request_of(ROW), metadata=sent))[0] == grpc.StatusCode.UNAUTHENTICATED
        metadata = [("authorization", "Bearer a-secret-of-mine")]
        assert stub.ModelInfer(request_of(ROW), metadata=metadata).outputs[0].name == "y"
        assert not stub.RepositoryIndex(service_pb2.RepositoryIndexRequest()).models
        assert stub.RepositoryIndex(service_pb2.RepositoryIndexRequest(), metadata=metadata).models


def test_unknown_methods_and_messages_that_are_none(channel):
    for path in ("/inference.GRPCInferenceService/Nope", "/nope.Service/Call"):
        assert code_of(lambda at=path: channel.unary_unary(at)(b""))[0] == \
            grpc.StatusCode.UNIMPLEMENTED
    infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    for message in (b"\xff", b"\x0a\x05ab", b"\x2a\x02\x0a\x7f", b"\x00"):
        assert code_of(lambda sent=message: infer(sent))[0] in (
            grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND), message
