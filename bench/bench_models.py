"""Models that scenarios need and no package brings: written once into build/bench."""

from __future__ import annotations

import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

import measure

FOLDER = measure.ROOT / "build" / "bench"
PIXELS = 224
CLASSES = 1000
MEBIBYTE_FLOATS = (1 << 20) // 4
# Inverted residuals of MobileNetV2 (Sandler et al. 2018, table 2): expansion, channels, how many,
# stride of the first.
BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
          (6, 160, 3, 2), (6, 320, 1, 1))


class Network:
    """Layers of a convolutional network in ONNX, with random weights of the usual size."""

    def __init__(self) -> None:
        self._random = numpy.random.default_rng(1)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, kind: str, inputs: list[str], **attributes: object) -> str:
        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, shape: tuple[int, ...], fan_in: int) -> str:
        values = self._random.standard_normal(shape) * (2 / fan_in) ** 0.5
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values.astype(numpy.float32), name))
        return name

    def constant(self, values: numpy.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def convolution(self, x: str, channels: tuple[int, int], size: int, stride: int,
                    group: int = 1, bounded: bool = True) -> str:
        fan_in = channels[0] // group * size * size
        kernel = self.weight((channels[1], channels[0] // group, size, size), fan_in)
        bias = self.constant(numpy.zeros(channels[1], numpy.float32))
        y = self.add("Conv", [x, kernel, bias], kernel_shape=[size, size], group=group,
                     strides=[stride, stride], pads=[size // 2] * 4)
        if not bounded:
            return y
        low, high = (self.constant(numpy.float32(bound).reshape(())) for bound in (0, 6))
        return self.add("Clip", [y, low, high])

    def block(self, x: str, channels: tuple[int, int], expansion: int, stride: int) -> str:
        inner = channels[0] * expansion
        y = x if expansion == 1 else self.convolution(x, (channels[0], inner), 1, 1)
        y = self.convolution(y, (inner, inner), 3, stride, group=inner)
        y = self.convolution(y, (inner, channels[1]), 1, 1, bounded=False)
        return self.add("Add", [x, y]) if stride == 1 and channels[0] == channels[1] else y


def write(path: pathlib.Path, nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto],
          in_shape: list[object], out_shape: list[object]) -> None:
    graph = helper.make_graph(
        nodes, path.stem, [helper.make_tensor_value_info("x", TensorProto.FLOAT, in_shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out_shape)], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    onnx.save(model, temporary)
    temporary.rename(path)


def mobilenet() -> pathlib.Path:
    """MobileNetV2 for 224x224 pixels: 0.3 billion multiplications, 14 MB; weights are random."""
    path = FOLDER / "mobilenet.onnx"
    if path.exists():
        return path
    network = Network()
    y = network.convolution("x", (3, 32), 3, 2)
    channels = 32
    for expansion, width, count, stride in BLOCKS:
        for i in range(count):
            y = network.block(y, (channels, width), expansion, stride if i == 0 else 1)
            channels = width
    y = network.convolution(y, (channels, 1280), 1, 1)
    y = network.add("GlobalAveragePool", [y])
    y = network.add("Flatten", [y])
    kernel, bias = network.weight((1280, CLASSES), 1280), network.weight((CLASSES,), 1)
    network.nodes.append(helper.make_node("Gemm", [y, kernel, bias], ["y"]))
    write(path, network.nodes, network.weights, ["n", 3, PIXELS, PIXELS], ["n", CLASSES])
    return path


def first_four() -> pathlib.Path:
    """1 MiB of floats in, the first four out."""
    path = FOLDER / "first_four.onnx"
    if path.exists():
        return path
    bounds = [numpy_helper.from_array(numpy.array([value], numpy.int64), name)
              for name, value in (("begin", 0), ("end", 4))]
    write(path, [helper.make_node("Slice", ["x", "begin", "end"], ["y"])], bounds,
          [MEBIBYTE_FLOATS], [4])
    return path


def mebibyte_identity() -> pathlib.Path:
    """A model of the fake engine: 1 MiB of floats, unchanged."""
    path = FOLDER / "mebibyte.fake.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    tensor = '{"name": "%s", "datatype": "FP32", "shape": [%d]}'
    path.write_text('{"inputs": [%s], "outputs": [%s]}' % (
        tensor % ("x", MEBIBYTE_FLOATS), tensor % ("y", MEBIBYTE_FLOATS)))
    return path


def gibibyte() -> pathlib.Path:
    """1 GiB of weights in a file of their own: four products with a matrix of 8192x8192."""
    folder = FOLDER / "gibibyte"
    path = folder / "model.onnx"
    if path.exists():
        return path
    size, layers = 8192, 4
    folder.mkdir(parents=True, exist_ok=True)
    nodes, weights = [], []
    matrix = size * size * 4
    with (folder / "weights.bin").open("wb") as file:
        for layer in range(layers):
            values = numpy.random.default_rng(layer).standard_normal((size, size), numpy.float32)
            file.write((values * 0.01).tobytes())
            weight = TensorProto(name=f"w{layer}", data_type=TensorProto.FLOAT, dims=[size, size],
                                 data_location=TensorProto.EXTERNAL)
            for key, value in (("location", "weights.bin"), ("offset", str(layer * matrix)),
                               ("length", str(matrix))):
                weight.external_data.add(key=key, value=value)
            weights.append(weight)
            output = "y" if layer == layers - 1 else f"t{layer}"
            nodes.append(helper.make_node("MatMul", [nodes[-1].output[0] if nodes else "x",
                                                     f"w{layer}"], [output]))
    graph = helper.make_graph(
        nodes, "gibibyte", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", size])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9),
              path)
    return path
