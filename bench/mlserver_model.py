"""A runtime of MLServer: ONNX Runtime with one thread, as users write it."""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class OnnxModel(MLModel):
    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(self.settings.parameters.uri, options,
                                                     providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload):
        array = NumpyCodec.decode_input(payload.inputs[0])
        output = self._session.run(None, {"x": array})[0]
        return InferenceResponse(model_name=self.name,
                                 outputs=[NumpyCodec.encode_output("y", output)])
