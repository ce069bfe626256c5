"""A model of Triton's python backend: ONNX Runtime with one thread, as users write it."""

import json
import os
import sys

sys.path[:0] = os.environ["PEER_SITE"].split(":")  # the backend has a Python of its own

import numpy  # noqa: E402
import onnxruntime  # noqa: E402
import triton_python_backend_utils as backend  # noqa: E402


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            config["parameters"]["model"]["string_value"], options,
            providers=["CPUExecutionProvider"])

    def execute(self, requests):
        inputs = [backend.get_input_tensor_by_name(request, "x").as_numpy()
                  for request in requests]
        output = self.session.run(None, {"x": numpy.concatenate(inputs)})[0]
        answers, begin = [], 0
        for rows in map(len, inputs):
            part = output[begin:begin + rows]
            answers.append(backend.InferenceResponse([backend.Tensor("y", part)]))
            begin += rows
        return answers
