"""Makes the recipe of an int8 file: once, from photographs.

Quantised is what is worth it: a convolution that has enough of the network's work and by itself changes the mattes
little. Most convolutions have next to no work, and nearly all of the error can come from a single one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from statistics import fmean
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from processing.engine import matte, networks, quantising
from processing.engine.catalog import Model
from processing.engine.errors import ModelError
from processing.engine.precisions import MAX_MATTE_ERROR
from processing.engine.recipes import Recipe
from processing.engine.weights import Installed, sha256

MIN_SHARE_OF_WORK = 0.005
MAX_ERROR_ALONE = MAX_MATTE_ERROR / 3
MARGIN = 1.1  # over the mean of what the photographs reach: the extremes of one do not coarsen the steps for all

Batch = NDArray[np.float32]
Mattes = NDArray[np.float32]
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Of a convolution: the extremes of what enters it, for each batch, and its multiply-adds."""

    lows: list[float]
    highs: list[float]
    work: int

    @property
    def reach(self) -> float:
        return float(f"{MARGIN * fmean(self.highs):.3g}")


def recipe(installed: Installed, batches: Sequence[Batch], *, threads: int, report: Report) -> Recipe:
    """Raises ModelError where no convolution is worth it."""
    import onnx

    network = quantising.prepared(onnx.load(installed.path))
    exact = _mattes(network, batches, installed.model, threads)
    reaches: dict[str, float] = {}
    for name, reach in _worthwhile(_probes(network, batches, threads)):
        alone = quantising.copy_of(network)
        quantising.quantise(alone, {name: reach})
        error = float(np.abs(_mattes(alone, batches, installed.model, threads) - exact).mean())
        report(f"int8 in {name} alone: matte error {error:.5f}")
        if error <= MAX_ERROR_ALONE:
            reaches[name] = reach
    if not reaches:
        raise ModelError("no convolution of it is worth quantising")
    return Recipe(source=sha256(installed.path), views=len(batches), reaches=reaches)


def _worthwhile(probes: dict[str, Probe]) -> Iterator[tuple[str, float]]:
    """Names and reaches. The steps of 8 bits begin at 0, so what takes negative values is left out."""
    least = MIN_SHARE_OF_WORK * sum(probe.work for probe in probes.values())
    for name, probe in probes.items():
        if probe.work >= least and min(probe.lows) >= 0 < min(probe.highs):
            yield name, probe.reach


def _probes(network: Any, batches: Sequence[Batch], threads: int) -> dict[str, Probe]:
    from onnx.helper import make_empty_tensor_value_info, make_node

    probing = quantising.copy_of(network)
    del probing.graph.output[:]
    nodes = quantising.convolutions(probing)
    for name, node in nodes.items():
        low, high, shape = (f"{name}/{suffix}" for suffix in ("low", "high", "shape"))
        probing.graph.node.append(make_node("ReduceMin", [node.input[0]], [low], keepdims=0))
        probing.graph.node.append(make_node("ReduceMax", [node.input[0]], [high], keepdims=0))
        probing.graph.node.append(make_node("Shape", [node.output[0]], [shape]))
        probing.graph.output.extend(make_empty_tensor_value_info(output) for output in (low, high, shape))
    session = _session(probing, threads)
    runs = [iter(session.run(None, {session.get_inputs()[0].name: batch})) for batch in batches]
    weights = {each.name: prod(each.dims) for each in network.graph.initializer}
    probes: dict[str, Probe] = {}
    for name, node in nodes.items():
        lows, highs, shapes = ([next(run) for run in runs] for _ in range(3))
        places = prod(int(length) for length in shapes[0][2:])
        probes[name] = Probe(
            lows=[float(low) for low in lows],
            highs=[float(high) for high in highs],
            work=weights[node.input[1]] * places,
        )
    return probes


def mattes(predict: Callable[[Batch], NDArray[np.float32]], batches: Sequence[Batch], model: Model) -> Mattes:
    """float32 of shape (batches, side, side), 0..1."""
    side = (model.input_px, model.input_px)
    found = (matte.full_size_matte(predict(batch), model, side) for batch in batches)
    return np.stack([np.asarray(each, np.float32) / np.float32(255) for each in found])


def _mattes(network: Any, batches: Sequence[Batch], model: Model, threads: int) -> Mattes:
    session = _session(network, threads)
    source, target = session.get_inputs()[0].name, session.get_outputs()[0].name
    return mattes(lambda batch: session.run([target], {source: batch})[0][0], batches, model)


def _session(network: Any, threads: int) -> ort.InferenceSession:
    return ort.InferenceSession(network.SerializeToString(), networks.ort_options(threads), [networks.CPU])
