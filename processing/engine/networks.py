"""A network loaded by a runtime: ONNX Runtime with one of its execution providers, or OpenVINO.

OpenVINO is used through its own runtime. It gives the same speed as ONNX Runtime's provider for it, shares its weights
between processes, and can stand beside any build of ONNX Runtime (docs/decisions/014-runtimes.md).
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from threading import local
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_state

from processing.engine import graphs
from processing.engine.catalog import Precision
from processing.engine.errors import ProviderUnavailable

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
SPINNING = "0"  # threads that wait in a loop take the cores from the other processes of a worker

ORT_ERRORS = (
    ort_state.EPFail,
    ort_state.Fail,
    ort_state.InvalidArgument,
    ort_state.InvalidGraph,
    ort_state.InvalidProtobuf,
    ort_state.NotImplemented,
    ort_state.RuntimeException,
)


class NetworkBroken(Exception):
    """A runtime could not load or run a network; its own words."""


class Network(Protocol):
    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The first output alone: float32 of shape (1, 3, side, side) gives (1, channels, side, side).

        Raises NetworkBroken.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to load and how. `key` tells one file's content from another's; `side_px` fixes the shape of the input."""

    path: Path
    key: str
    graphs: Path
    side_px: int
    precision: Precision
    threads: int


class OnnxRuntimeNetwork:
    """A network on one of ONNX Runtime's execution providers. Safe to use from several threads."""

    def __init__(self, load: Load, ort_name: str, options: Mapping[str, str]) -> None:
        try:
            self._session = _ort_session(load, ort_name, options)
        except ORT_ERRORS as error:
            raise NetworkBroken(str(error)) from error
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name
        self._run_options = ort.RunOptions()
        self._run_options.only_execute_path_to_fetches = True

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            (prediction,) = self._session.run([self._output], {self._input: batch}, self._run_options)
        except ORT_ERRORS as error:
            raise NetworkBroken(str(error)) from error
        first: NDArray[np.float32] = prediction
        return first


def _ort_session(load: Load, ort_name: str, options: Mapping[str, str]) -> ort.InferenceSession:
    name = f"{load.path.stem}-{ort_name.removesuffix('ExecutionProvider').lower()}-{load.precision}"
    with graphs.folder_for(load.graphs, name=name, depends_on=(load.key, ort.__version__)) as folder:
        if ort_name == CPU and folder is not None:
            session = _optimised_session(load, folder / "graph.onnx")
        else:
            if ort_name == TENSORRT and folder is not None:
                options = {**options, "trt_engine_cache_enable": "1", "trt_engine_cache_path": str(folder)}
            session = ort.InferenceSession(str(load.path), ort_options(load.threads), [(ort_name, dict(options))])
    if session.get_providers()[0] != ort_name:  # ONNX Runtime falls back to the CPU with a mere warning
        raise ProviderUnavailable(f"{ort_name} was asked for, but ONNX Runtime did not take it.")
    return session


def _optimised_session(load: Load, graph: Path) -> ort.InferenceSession:
    options = ort_options(load.threads)
    if graph.exists():
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            return ort.InferenceSession(str(graph), options, [CPU])
        except ORT_ERRORS:  # damaged: made again at the next start, from weights that are still there
            with suppress(OSError):
                graph.unlink()
                graph.parent.rmdir()
        return ort.InferenceSession(str(load.path), ort_options(load.threads), [CPU])
    options.optimized_model_filepath = str(graph)
    return ort.InferenceSession(str(load.path), options, [CPU])


def ort_options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads  # the default counts the cores of the host
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it would keep the peak of the largest run for good
    options.add_session_config_entry("session.intra_op.allow_spinning", SPINNING)
    options.log_severity_level = 3
    return options


class OpenVinoNetwork:
    """A network on the CPU by OpenVINO. Safe to use from several threads."""

    def __init__(self, load: Load) -> None:
        import openvino  # not in every installation

        core = openvino.Core()
        has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        options = {
            # What int8 leaves to floating point need not be exact either.
            "INFERENCE_PRECISION_HINT": "bf16"
            if has_bf16 and load.precision != "fp32"
            else "f32",  # left alone, it takes bfloat16 for any network where it can
            "INFERENCE_NUM_THREADS": str(load.threads),
            "NUM_STREAMS": "1",
            "ENABLE_CPU_PINNING": "NO",  # the processes of a worker would all sit on the same cores
        }
        name = f"{load.path.stem}-openvino-{load.precision}"
        depends_on = (load.key, version("openvino"), str(load.threads))
        with graphs.folder_for(load.graphs, name=name, depends_on=depends_on) as folder:
            if folder is not None:
                options["CACHE_DIR"] = str(folder)
            try:
                whole = core.read_model(load.path)
                model = openvino.Model([whole.outputs[0]], whole.get_parameters(), load.path.stem)
                model.reshape([1, 3, load.side_px, load.side_px])
                self._compiled: Any = core.compile_model(model, "CPU", options)
            except RuntimeError as error:
                raise NetworkBroken(str(error)) from error
        self._own = local()

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            request = self._request()
            request.infer([batch], share_inputs=True)
        except RuntimeError as error:
            raise NetworkBroken(str(error)) from error
        prediction: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
        return prediction

    def _request(self) -> Any:
        """A thread's own: it holds the tensors between input and output."""
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        return self._own.request
