"""Loaded, warmed networks, and which accelerator they run on.

A process makes its sessions itself, after the fork: the threads of ONNX Runtime do not survive one.
"""

import json
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_state

from config.cores import available_cores
from processing.engine.catalog import Catalog
from processing.engine.errors import InvalidOption, ModelCorrupt, ModelNotInstalled, ProviderUnavailable
from processing.engine.weights import Installed, Store

log = logging.getLogger(__name__)

_ORT_ERRORS = (
    ort_state.EPFail,
    ort_state.Fail,
    ort_state.InvalidArgument,
    ort_state.InvalidGraph,
    ort_state.InvalidProtobuf,
    ort_state.NotImplemented,
    ort_state.RuntimeException,
)


@dataclass(frozen=True, slots=True)
class Provider:
    name: str
    ort_name: str
    needs: str

    def options(self, threads: int) -> dict[str, str]:
        if self.name != "openvino":
            return {}
        # Left alone, OpenVINO computes in bfloat16 where the processor can, and mattes would differ
        # from machine to machine.
        hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(threads)}
        return {"device_type": "CPU", "load_config": json.dumps({"CPU": hints})}


CPU = Provider("cpu", "CPUExecutionProvider", "the package onnxruntime")
PROVIDERS = {
    provider.name: provider
    for provider in (
        Provider("cuda", "CUDAExecutionProvider", "the package onnxruntime-gpu, CUDA and cuDNN"),
        Provider("tensorrt", "TensorrtExecutionProvider", "the package onnxruntime-gpu and TensorRT"),
        Provider("openvino", "OpenVINOExecutionProvider", "the package onnxruntime-openvino"),
        CPU,
    )
}
# Best first. TensorRT builds engines for minutes, so it is for those who ask for it.
AUTOMATIC = ("cuda", "openvino", "cpu")


def require_provider(name: str) -> None:
    """Raises InvalidOption, or ProviderUnavailable when this machine lacks what was demanded."""
    candidates = _candidates(name)
    if not any(_is_available(provider) for provider in candidates):
        wanted = candidates[0]
        raise ProviderUnavailable(
            f"{wanted.name} was demanded, but ONNX Runtime here offers "
            f"{', '.join(ort.get_available_providers())} only. It needs {wanted.needs}."
        )


def _candidates(name: str) -> list[Provider]:
    if name == "auto":
        return [PROVIDERS[each] for each in AUTOMATIC if _is_available(PROVIDERS[each])]
    if name in PROVIDERS:
        return [PROVIDERS[name]]
    raise InvalidOption(f"There is no provider {name!r}. Choose auto or one of: {', '.join(PROVIDERS)}.")


def _is_available(provider: Provider) -> bool:
    return provider.ort_name in ort.get_available_providers()


class Session:
    """A network in memory that has run once. Safe to use from several threads.

    Raises ModelCorrupt, or ProviderUnavailable when the network would not run where it was asked to.
    """

    def __init__(self, installed: Installed, provider: Provider, *, threads: int) -> None:
        self.model = installed.model
        self.version = installed.version
        self.path = installed.path
        self.provider = provider
        self.size_bytes = installed.path.stat().st_size
        try:
            self._network = self._load(threads)
            self._warm_up()
        except _ORT_ERRORS as error:
            if provider == CPU:
                raise ModelCorrupt(f"{installed.path} cannot be loaded: {error}") from error
            raise ProviderUnavailable(f"{provider.name} cannot run {self.model.name}: {error}") from error

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """One image, float32 of shape (1, 3, side, side), gives float32 of shape (channels, side, side)."""
        (prediction,) = self._network.run([self._output], {self._input: batch})
        first: NDArray[np.float32] = prediction[0]
        return first

    def _load(self, threads: int) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads  # the default counts the cores of the host
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # it would keep the peak of the largest run for good
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        provider = self.provider
        network = ort.InferenceSession(
            str(self.path), options, providers=[(provider.ort_name, provider.options(threads))]
        )
        if network.get_providers()[0] != provider.ort_name:  # ORT falls back to the CPU with a mere warning
            raise ProviderUnavailable(f"{provider.name} was asked for but does not load. It needs {provider.needs}.")
        return network

    def _warm_up(self) -> None:
        self._input = self._network.get_inputs()[0].name
        self._output = self._network.get_outputs()[0].name
        side = self.model.input_px
        self.predict(np.zeros((1, 3, side, side), np.float32))


class SessionCache:
    """The sessions of a process: pinned ones stay, others leave when they were not used for longest.

    `budget_bytes` bounds the weights of those that are not pinned; one that is larger by itself is held alone. When
    another version of a model is activated, the next use loads that. Making a cache raises as `require_provider` does.
    """

    def __init__(
        self,
        *,
        provider: str = "auto",
        pinned: Sequence[str] = (),
        budget_bytes: int = 1 << 30,
        models_dir: Path | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        require_provider(provider)
        self._store = Store(models_dir, catalog=catalog)
        self._providers = _candidates(provider)
        self._pinned = tuple(pinned)
        self._budget_bytes = budget_bytes
        self._threads = available_cores()
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._lock = Lock()
        self._loading: defaultdict[str, Lock] = defaultdict(Lock)

    @property
    def provider(self) -> str:
        """The one in use; before anything was loaded, the one that will be tried first."""
        return self._providers[0].name

    @property
    def warm_models(self) -> list[str]:
        with self._lock:
            return list(self._sessions)

    @property
    def installed_models(self) -> list[str]:
        return self._store.installed_models()

    def warm(self) -> None:
        """Loads the pinned models that are installed. Raises ModelCorrupt or ProviderUnavailable."""
        for name in self._pinned:
            try:
                self.get(name)
            except ModelNotInstalled as error:
                log.warning("goes on without a pinned model: %s", error.detail)

    def get(self, name: str) -> Session:
        """Raises UnknownModel, ModelNotInstalled, ModelCorrupt or ProviderUnavailable."""
        installed = self._store.active(name)
        with self._lock:
            loading = self._loading[name]
        with loading:
            session = self._sessions.get(name)
            if session is None or session.version != installed.version:
                self._make_room(installed)
                session = self._load(installed)
            with self._lock:
                self._sessions[name] = session
                self._sessions.move_to_end(name)
            return session

    def _make_room(self, coming: Installed) -> None:
        with self._lock:
            self._sessions.pop(coming.model.name, None)
            if coming.model.name in self._pinned:
                return
            leaving = [name for name in self._sessions if name not in self._pinned]
            used_bytes = sum(self._sessions[name].size_bytes for name in leaving)
            room_bytes = self._budget_bytes - coming.path.stat().st_size
            while leaving and used_bytes > room_bytes:
                used_bytes -= self._sessions.pop(leaving.pop(0)).size_bytes

    def _load(self, installed: Installed) -> Session:
        """The first provider that really runs the network is kept for all that follow."""
        *better, last = self._providers
        for provider in better:
            try:
                session = Session(installed, provider, threads=self._threads)
            except ProviderUnavailable as error:
                log.warning("%s does not work here: %s", provider.name, error.detail)
            else:
                return self._settled(session)
        return self._settled(Session(installed, last, threads=self._threads))

    def _settled(self, session: Session) -> Session:
        self._providers = [session.provider]
        log.info(
            "%s %s is warm on %s with %d threads",
            session.model.name,
            session.version.version,
            session.provider.name,
            self._threads,
        )
        return session
