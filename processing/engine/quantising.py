"""A network with some of its convolutions in 8 bits, as a recipe says.

What enters each of them is rounded to 256 steps from 0 up, its weights to 255 around 0 with a scale for each output
channel. Both stand in the graph as pairs of QuantizeLinear and DequantizeLinear, which a runtime melts into the
convolution.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

INPUT_STEPS = 255
WEIGHT_STEPS = 127
OPSET = 13  # the first with a scale for each channel
Network = Any  # onnx.ModelProto
Node = Any  # onnx.NodeProto


def prepared(network: Network) -> Network:
    """The same network in a form that can be quantised."""
    import onnx

    is_old = network.opset_import[0].version < OPSET
    return onnx.version_converter.convert_version(network, OPSET) if is_old else network


def convolutions(network: Network) -> dict[str, Node]:
    """Those that have a name of their own and weights in fp32, in the order of the graph."""
    import onnx

    exact = {each.name for each in network.graph.initializer if each.data_type == onnx.TensorProto.FLOAT}
    nodes = (node for node in network.graph.node if node.op_type == "Conv" and node.input[1] in exact)
    return {node.name: node for node in nodes if node.name}


def quantise(network: Network, reaches: Mapping[str, float]) -> None:
    """Changes a prepared network. Raises KeyError where it has no such convolution."""
    from onnx.numpy_helper import to_array

    if unknown := reaches.keys() - convolutions(network).keys():
        raise KeyError(*unknown)
    graph = network.graph
    tensors = {each.name: each for each in graph.initializer}
    nodes: list[Node] = []
    for node in graph.node:
        if node.op_type == "Conv" and node.name in reaches:
            values, scales = _rounded(to_array(tensors[node.input[1]]))
            input_scale = np.float32(reaches[node.name] / INPUT_STEPS)
            constants = _constants(node.name, weights=values, weight_scales=scales, input_scale=input_scale)
            graph.initializer.extend(constants)
            nodes.extend(_rounding_nodes(node))
            node.input[0], node.input[1] = f"{node.name}/input", f"{node.name}/weight"
        nodes.append(node)
    _replace(graph.node, nodes)
    used = {name for node in nodes for name in node.input}
    _replace(graph.initializer, [each for each in graph.initializer if each.name in used])


def copy_of(network: Network) -> Network:
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(network)
    return copy


def _rounded(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """int8 of the same shape, and a scale for each output channel."""
    reach = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    scales = np.maximum(reach, np.finfo(np.float32).tiny * WEIGHT_STEPS) / np.float32(WEIGHT_STEPS)
    steps = np.rint(weights / scales.reshape(-1, *[1] * (weights.ndim - 1)))
    return steps.astype(np.int8), scales


def _rounding_nodes(node: Node) -> Iterator[Node]:
    from onnx.helper import make_node

    name = node.name
    scale = f"{name}/input_scale"
    yield make_node("QuantizeLinear", [node.input[0], scale], [f"{name}/steps"], f"{name}/quantize")
    yield make_node("DequantizeLinear", [f"{name}/steps", scale], [f"{name}/input"], f"{name}/dequantize")
    constants = [f"{name}/weights", f"{name}/weight_scales"]
    yield make_node("DequantizeLinear", constants, [f"{name}/weight"], f"{name}/dequantize_weights", axis=0)


def _constants(name: str, **values: Any) -> Iterator[Any]:
    from onnx.numpy_helper import from_array

    return (from_array(np.asarray(value), f"{name}/{suffix}") for suffix, value in values.items())


def _replace(repeated: Any, items: Iterable[Any]) -> None:
    kept = list(items)
    del repeated[:]
    repeated.extend(kept)
