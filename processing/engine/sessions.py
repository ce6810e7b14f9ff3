"""Loaded, warmed networks, and which accelerator they run on.

A process makes its sessions itself, after the fork: the threads of a runtime do not survive one.
"""

import ctypes
import gc
import logging
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from config.cores import available_cores
from processing.engine import precisions, providers
from processing.engine.catalog import Catalog
from processing.engine.errors import ModelCorrupt, ModelNotInstalled, ProviderUnavailable
from processing.engine.networks import Load, NetworkBroken
from processing.engine.precisions import Figure
from processing.engine.providers import Provider
from processing.engine.weights import Installed, Store

log = logging.getLogger(__name__)


class Session:
    """A network in memory that has run once. Safe to use from several threads.

    Raises ModelCorrupt, or ProviderUnavailable when the network would not run where it was asked to.
    """

    def __init__(self, installed: Installed, provider: Provider, figure: Figure, *, threads: int) -> None:
        self.model = installed.model
        self.version = installed.version
        self.provider = provider
        self.precision = figure.precision
        is_converted = self.precision in provider.converts
        path = installed.converted(self.precision) if is_converted else installed.path
        self.size_bytes = path.stat().st_size
        load = Load(
            path=path,
            key=f"{self.version.checksum} {self.size_bytes} {path.stat().st_mtime_ns if is_converted else 0}",
            graphs=installed.folder / "graphs",
            side_px=self.model.input_px,
            precision=self.precision,
            threads=threads,
        )
        self._path = path
        with self._translated_errors():
            self._network = provider.load(load)
        self.predict(np.zeros((1, 3, self.model.input_px, self.model.input_px), np.float32))

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """One image, float32 of shape (1, 3, side, side), gives float32 of shape (channels, side, side).

        Raises as the making of a session does.
        """
        with self._translated_errors():
            prediction: NDArray[np.float32] = self._network.predict(batch)[0]
            return prediction

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except NetworkBroken as error:
            if self.provider == providers.PROVIDERS["cpu"]:
                raise ModelCorrupt(f"{self._path} cannot be run: {error}") from error
            raise ProviderUnavailable(f"{self.provider.name} cannot run {self.model.name}: {error}") from error


class SessionCache:
    """The sessions of a process: pinned ones stay, others leave when they were not used for longest.

    `budget_bytes` bounds the weights of those that are not pinned; one that is larger by itself is held alone. When
    another version of a model is activated, the next use loads that. `precision` is auto, or fp32 for exact mattes;
    0 threads are as many as there are cores. Making a cache raises as `providers.require` does.
    """

    def __init__(
        self,
        *,
        provider: str = "auto",
        precision: str = "auto",
        pinned: Sequence[str] = (),
        budget_bytes: int = 1 << 30,
        threads: int = 0,
        models_dir: Path | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        providers.require(provider)
        self._store = Store(models_dir, catalog=catalog)
        self._providers = providers.named(provider)
        self._precision = precision
        self._pinned = tuple(pinned)
        self._budget_bytes = budget_bytes
        self._threads = threads or available_cores()
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
    def installed(self) -> dict[str, str]:
        """The version in use of every model that is installed."""
        return {name: self._store.active(name).version.version for name in self._store.installed_models()}

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
            if session is None or not self._is_current(session, installed):
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

    def _is_current(self, session: Session, installed: Installed) -> bool:
        chosen = precisions.choose(installed, session.provider, self._precision)
        return (session.version, session.precision) == (installed.version, chosen.precision)

    def _load(self, installed: Installed) -> Session:
        """On the first provider that really runs the network; those before it are not tried again."""
        *better, last = self._providers
        failures: list[str] = []
        for provider in better:
            try:
                return self._settled(installed, provider, failures)
            except ProviderUnavailable as error:
                failures.append(f"{provider.name} does not work here ({error.detail})")
        return self._settled(installed, last, failures)

    def _settled(self, installed: Installed, provider: Provider, failures: list[str]) -> Session:
        started = perf_counter()
        figure = precisions.choose(installed, provider, self._precision)
        session = Session(installed, provider, figure, threads=self._threads)
        self._providers = self._providers[self._providers.index(provider) :]
        _return_memory()
        log.info(
            "%s %s is warm on %s in %s with %d threads after %.1f s: %s",
            session.model.name,
            session.version.version,
            provider.name,
            figure.precision,
            self._threads,
            perf_counter() - started,
            "; ".join([*failures, self._reason(figure)]),
        )
        return session

    def _reason(self, figure: Figure) -> str:
        if self._precision == "fp32":
            return "exact mattes were demanded"
        if figure.precision == "fp32":
            return "no faster precision is measured, allowed and built for this machine"
        speed = f"{figure.inference_ms:.0f} ms, " if figure.inference_ms else ""
        return f"the fastest allowed precision ({speed}matte error {figure.matte_error:.4f})"


def _return_memory() -> None:
    """The C library keeps for later what was freed: hundreds of megabytes after a network has left or been loaded."""
    gc.collect()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
