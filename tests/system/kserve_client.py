"""What KServe's own client gets of a data plane, as JSON; runs with the Python that has it.

    python kserve_client.py CALL INFERENCE_URL GRPC_ADDRESS
"""

import asyncio
import json
import sys

import grpc
import httpx
import numpy
from kserve import (InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest,
                    RESTConfig)
from kserve.protocol.grpc import grpc_predict_v2_pb2 as messages
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub
from kserve.protocol.infer_type import RequestedOutput

TYPES = {"BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32",
         "UINT64": "uint64", "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64",
         "FLOAT16": "float16", "FLOAT": "float32", "DOUBLE": "float64", "STRING": "object"}


def given(binary):
    """An input of each type that its numpy has, with its smallest and largest value."""
    inputs = []
    for name, dtype in TYPES.items():
        if dtype == "object":
            values = numpy.array([b"caf\xc3\xa9", b""], numpy.object_)
        elif dtype == "bool":
            values = numpy.array([True, False])
        else:
            limits = numpy.iinfo(dtype) if "int" in dtype else numpy.finfo(dtype)
            values = numpy.array([limits.min, limits.max], dtype)
        types = {"bool": "BOOL", "object": "BYTES", "float16": "FP16", "float32": "FP32",
                 "float64": "FP64"}
        made = InferInput("x_" + name, [2], types.get(dtype, name))
        # Its JSON has no FP16.
        made.set_data_from_numpy(values, binary_data=binary or dtype == "float16")
        inputs.append((made, values))
    # It knows no BF16: as bytes, as its users send it.
    made = InferInput("x_BFLOAT16", [2], "BF16", parameters={"binary_data_size": 4})
    made._raw_data = b"\x80\x3f\x00\xc0"  # pylint: disable=protected-access
    inputs.append((made, None))
    return inputs


def types_request(inputs, **parameters):
    """All of them, and what comes back but the one that it cannot read."""
    wanted = [RequestedOutput("y_" + name, parameters) for name in TYPES]
    return InferRequest("types", [made for made, _ in inputs], request_outputs=wanted)


def same(inputs, outputs):
    """The types of which something else came back than was sent."""
    wrong = []
    for made, values in inputs:
        if values is None:
            continue
        name = "y_" + made.name.removeprefix("x_")
        got = next(one for one in outputs if one.name == name)
        array = numpy.asarray(got.as_numpy())
        if array.dtype == object or values.dtype == object:
            array = numpy.array([v.encode() if isinstance(v, str) else v for v in array], object)
        if array.shape != values.shape or not (array == values).all():
            wrong.append(f"{name}: sent {values!r}, got {array!r}")
    return wrong


def rest_client():
    return InferenceRESTClient(RESTConfig(protocol="v2", retries=0, timeout=30))


def row(binary, shape=(1, 4)):
    made = InferInput("x", list(shape), "FP32")
    made.set_data_from_numpy(numpy.arange(1, 1 + numpy.prod(shape), dtype="float32").reshape(shape),
                             binary_data=binary)
    return made


async def rest_health(url, _):
    async with rest_client() as client:
        return {"live": await client.is_server_live(url),
                "ready": await client.is_server_ready(url),
                "model": await client.is_model_ready(url, "linear"),
                "nope": await client.is_model_ready(url, "nope")}


async def rest_infer(url, _):
    answers = {}
    async with rest_client() as client:
        for name, wanted in (("json", False), ("binary", True)):
            headers = {}
            answer = await client.infer(
                url, InferRequest("linear", [row(wanted)], request_id="mine",
                                  parameters={"binary_data_output": wanted}),
                model_name="linear", response_headers=headers)
            answers[name] = {"id": answer.id, "model": answer.model_name,
                             "type": headers["content-type"],
                             "y": answer.outputs[0].as_numpy().tolist()}
    return answers


async def rest_types(url, _):
    wrong = []
    async with rest_client() as client:
        for binary in (False, True):
            inputs = given(binary)
            answer = await client.infer(url, types_request(inputs, binary_data=binary),
                                        model_name="types")
            wrong += same(inputs, answer.outputs)
    return wrong


async def rest_errors(url, _):
    told = []
    async with rest_client() as client:
        for model, shape in (("nope", (1, 4)), ("linear", (1, 5))):
            try:
                await client.infer(url, InferRequest(model, [row(False, shape)]), model_name=model)
            except httpx.HTTPStatusError as error:
                told.append([error.response.status_code, str(error)])
    return told


async def grpc_health(_, address):
    async with InferenceGRPCClient(address, retries=0) as client:
        return {"live": await client.is_server_live(), "ready": await client.is_server_ready(),
                "model": await client.is_model_ready("linear"),
                "nope": await client.is_model_ready("nope")}


async def grpc_infer(_, address):
    async with InferenceGRPCClient(address) as client:
        typed = InferInput("x", [1, 4], "FP32", data=[1, 2, 3, 4])
        answers = {}
        for name, made in (("typed", typed), ("raw", row(True))):
            answer = await client.infer(InferRequest("linear", [made], request_id="mine"))
            answers[name] = {"id": answer.id, "model": answer.model_name,
                             "version": answer.model_version,
                             "y": answer.outputs[0].as_numpy().tolist()}
    return answers


async def grpc_types(_, address):
    async with InferenceGRPCClient(address) as client:
        inputs = given(True)
        answer = await client.infer(types_request(inputs))
        return same(inputs, answer.outputs)


async def grpc_errors(_, address):
    told = []
    async with InferenceGRPCClient(address, retries=0) as client:
        for model, shape in (("nope", (1, 4)), ("linear", (1, 5))):
            try:
                await client.infer(InferRequest(model, [row(True, shape)]))
            except grpc.RpcError as error:
                told.append([error.code().name, error.details()])
    return told


async def grpc_messages(_, address):
    """What its client has no call for, by its definition of the protocol."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = GRPCInferenceServiceStub(channel)
        server = await stub.ServerMetadata(messages.ServerMetadataRequest())
        model = await stub.ModelMetadata(messages.ModelMetadataRequest(name="linear"))
        unload = await stub.RepositoryModelUnload(
            messages.RepositoryModelUnloadRequest(model_name="linear"))
        ready = await stub.ModelReady(messages.ModelReadyRequest(name="linear"))
        load = await stub.RepositoryModelLoad(
            messages.RepositoryModelLoadRequest(model_name="linear"))
        return {"name": server.name, "extensions": list(server.extensions),
                "inputs": [[one.name, one.datatype, list(one.shape)] for one in model.inputs],
                "versions": list(model.versions), "unloaded": unload.isUnloaded,
                "ready": ready.ready, "loaded": load.isLoaded, "model": load.model_name}


if __name__ == "__main__":
    CALL = {call.__name__: call for call in (
        rest_health, rest_infer, rest_types, rest_errors, grpc_health, grpc_infer, grpc_types,
        grpc_errors, grpc_messages)}[sys.argv[1]]
    print(json.dumps(asyncio.run(CALL(sys.argv[2], sys.argv[3]))))
