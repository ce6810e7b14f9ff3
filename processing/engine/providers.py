"""What can run a network: one table of ONNX Runtime's execution providers and OpenVINO, with the options of each."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import onnxruntime as ort

from processing.engine import graphs
from processing.engine.catalog import Precision
from processing.engine.errors import InvalidOption, ProviderUnavailable
from processing.engine.networks import CPU, CUDA, TENSORRT, Load, Network, OnnxRuntimeNetwork, OpenVinoNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """`precisions` are those that this machine runs in hardware; `converts`, those that need a file of their own.

    `load` raises NetworkBroken, or ProviderUnavailable when the network would not run where it was asked to.
    """

    name: str
    needs: str
    is_available: Callable[[], bool]
    precisions: Callable[[], Sequence[Precision]]
    converts: frozenset[Precision]
    load: Callable[[Load], Network]


def named(name: str) -> list[Provider]:
    """Those to try, best first. Raises InvalidOption."""
    if name == "auto":
        return [PROVIDERS[each] for each in AUTOMATIC if PROVIDERS[each].is_available()]
    if name in PROVIDERS:
        return [PROVIDERS[name]]
    raise InvalidOption(f"There is no provider {name!r}. Choose auto or one of: {', '.join(PROVIDERS)}.")


def require(name: str) -> None:
    """Raises InvalidOption, or ProviderUnavailable when this machine lacks what was demanded."""
    candidates = named(name)
    if not any(provider.is_available() for provider in candidates):
        offered = ", ".join(provider.name for provider in PROVIDERS.values() if provider.is_available())
        wanted = candidates[0]
        raise ProviderUnavailable(
            f"{wanted.name} was demanded, but this machine offers {offered} only. It needs {wanted.needs}."
        )


# OpenVINO offers int8 on every x86 processor. Without these instructions sums of two products are cut to 16 bits.
EXACT_INT8 = ("avx512_vnni", "avx_vnni", "amx_int8")


@cache
def _has_openvino() -> bool:
    """By its import: a package whose libraries this system cannot load does not count."""
    try:
        importlib.import_module("openvino")
    except ImportError:
        return False
    return True


@cache
def _openvino_precisions() -> Sequence[Precision]:
    import openvino

    capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    found: list[Precision] = ["fp32"]
    if "BF16" in capabilities:
        found.append("bf16")
    if any(flag in graphs.machine() for flag in EXACT_INT8):
        found.append("int8")
    return found


# TensorFloat-32 would change mattes from card to card; a search for the fastest algorithm takes many times a first run.
CUDA_OPTIONS = {
    "use_tf32": "0",
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
}


def _ort_provider(
    name: str,
    ort_name: str,
    *,
    needs: str,
    precisions: Callable[[], Sequence[Precision]],
    converts: frozenset[Precision] = frozenset(),
    options: Mapping[str, str] = MappingProxyType({}),
) -> Provider:
    def load(wanted: Load) -> Network:
        if hasattr(ort, "preload_dlls") and ort_name != CPU:
            ort.preload_dlls()  # CUDA and cuDNN from Python packages, where they are
        return OnnxRuntimeNetwork(wanted, ort_name, options)

    return Provider(
        name=name,
        needs=needs,
        is_available=lambda: ort_name in ort.get_available_providers(),
        precisions=precisions,
        converts=converts,
        load=load,
    )


PROVIDERS = {
    provider.name: provider
    for provider in (
        _ort_provider(
            "cuda",
            CUDA,
            needs="the package onnxruntime-gpu, CUDA and cuDNN",
            precisions=lambda: ["fp32", "fp16"],
            converts=frozenset({"fp16"}),
            options=CUDA_OPTIONS,
        ),
        _ort_provider(
            "tensorrt",
            TENSORRT,
            needs="the package onnxruntime-gpu and TensorRT",
            precisions=lambda: ["fp32"],
        ),
        Provider(
            name="openvino",
            needs="the package openvino",
            is_available=_has_openvino,
            precisions=_openvino_precisions,
            converts=frozenset({"int8"}),
            load=OpenVinoNetwork,
        ),
        _ort_provider("cpu", CPU, needs="the package onnxruntime", precisions=lambda: ["fp32"]),
    )
}
# Best first. TensorRT builds engines for minutes, so it is for those who ask for it.
AUTOMATIC = ("cuda", "openvino", "cpu")
