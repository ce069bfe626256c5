"""The peer: what a FastAPI service around onnxruntime usually looks like."""

import os

import numpy
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel

OPTIONS = onnxruntime.SessionOptions()
OPTIONS.intra_op_num_threads = 1
SESSION = onnxruntime.InferenceSession(os.environ["MODEL"], OPTIONS,
                                       providers=["CPUExecutionProvider"])
app = FastAPI()


class Tensor(BaseModel):
    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class InferRequest(BaseModel):
    inputs: list[Tensor]


@app.get("/v2/health/ready")
def ready() -> dict:
    return {"ready": True}


@app.post("/v2/models/model/infer")
async def infer(request: InferRequest) -> dict:
    feeds = {tensor.name: numpy.array(tensor.data, numpy.float32).reshape(tensor.shape)
             for tensor in request.inputs}
    outputs = SESSION.run(None, feeds)
    return {"model_name": "model", "outputs": [
        {"name": meta.name, "shape": list(value.shape), "datatype": "FP32",
         "data": value.flatten().tolist()}
        for meta, value in zip(SESSION.get_outputs(), outputs)]}
