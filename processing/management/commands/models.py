"""The model store at the command line: python manage.py models list|pull|verify|activate|rollback|tune."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Self

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.cores import available_cores
from processing.engine.catalog import DEFAULT_MODELS, ModelVersion
from processing.engine.errors import EngineError, ModelDownloadFailed, ModelNotInstalled
from processing.engine.weights import Installed, Store

MEGABYTE = 1_000_000
BAR_WIDTH = 30


class Progress:
    """One line, redrawn, on a terminal; elsewhere a line for every tenth."""

    def __init__(self, label: str, stream: IO[str]) -> None:
        self._label = label
        self._stream = stream
        self._tenths = 0
        self._is_drawn = False

    def __call__(self, done_bytes: int, total_bytes: int) -> None:
        fraction = done_bytes / total_bytes
        numbers = f"{done_bytes / MEGABYTE:.0f} of {total_bytes / MEGABYTE:.0f} MB"
        if self._stream.isatty():
            bar = "█" * round(fraction * BAR_WIDTH)
            self._stream.write(f"\r{self._label:<20} {bar:<{BAR_WIDTH}} {fraction:4.0%}  {numbers} ")
            self._stream.flush()
            self._is_drawn = True
        elif int(fraction * 10) > self._tenths:
            self._tenths = int(fraction * 10)
            self._stream.write(f"{self._label}: {self._tenths * 10} %, {numbers}\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_drawn:
            self._stream.write("\n")


class Command(BaseCommand):
    help = "Lists, fetches, verifies and switches the networks' weights."
    requires_system_checks = []  # it has to work before there is a database

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="Shows every known model and version.")
        pull = actions.add_parser("pull", help="Fetches models, or repairs them.")
        pull.add_argument("names", nargs="*", metavar="model", help=f"Default: {', '.join(DEFAULT_MODELS)}.")
        pull.add_argument("--version", dest="model_version", help="One version, instead of the first that can be had.")
        pull.add_argument("--all", action="store_true", help="Every model whose licence allows commercial use.")
        actions.add_parser("verify", help="Hashes every file again; exits with 1 when one is bad.")
        activate = actions.add_parser("activate", help="Makes a version the one in use.")
        activate.add_argument("name", metavar="model")
        activate.add_argument("model_version", metavar="version")
        rollback = actions.add_parser("rollback", help="Goes back to the version used before.")
        rollback.add_argument("name", metavar="model")
        tune = actions.add_parser("tune", help="Measures speed and accuracy of every precision on this machine.")
        tune.add_argument("names", nargs="*", metavar="model", help=f"Default: {', '.join(DEFAULT_MODELS)}.")
        tune.add_argument("--images", type=Path, metavar="FOLDER", help="Photographs, instead of the catalog's.")
        tune.add_argument(
            "--calibrate", action="store_true", help="By an int8 recipe from these photographs; takes long."
        )
        tune.add_argument("--activate", action="store_true", help="Workers here choose by these figures from now on.")

    def handle(self, *, action: str, **options: Any) -> None:
        store = Store(settings.MODELS_DIR, mirror_url=settings.MODELS_MIRROR_URL)
        try:
            match action:
                case "list":
                    self._list(store)
                case "pull":
                    self._pull(store, _wanted(store, options), options["model_version"])
                case "verify":
                    self._verify(store)
                case "activate":
                    store.activate(options["name"], options["model_version"])
                    self.stdout.write(f"{options['name']} {options['model_version']} is active.")
                case "rollback":
                    version = store.rollback(options["name"])
                    self.stdout.write(f"{options['name']} {version} is active again.")
                case "tune":
                    self._tune(store, options)
        except (EngineError, OSError) as error:
            raise CommandError(str(error)) from error

    def _list(self, store: Store) -> None:
        from processing.engine import precisions  # needs the runtimes, which `pull` does without

        row = "{:<22}{:<11}{:<14}{:>8}  {:<11}{}"
        self.stdout.write(row.format("MODEL", "VERSION", "WEIGHTS", "SIZE", "STATE", "LICENCE"))
        for model in store.catalog.models.values():
            active = _active_version(store, model.name)
            for version in model.versions:
                installed = "installed" if store.path(model, version) else "-"
                state = "active" if version == active else installed
                size = f"{version.size_bytes / MEGABYTE:.0f} MB"
                self.stdout.write(row.format(model.name, version.version, version.weights, size, state, model.licence))
                is_active = version == active
                figures = precisions.figures(store.active(model.name)) if is_active else precisions.catalogued(version)
                for figure in figures:
                    self.stdout.write(f"    {figure}")

    def _pull(self, store: Store, names: Iterable[str], version: str | None) -> None:
        """Tries every model before it reports that some could not be had."""
        missing = []
        for name in names:
            try:
                with Progress(name, sys.stderr) as progress:
                    installed = store.pull(name, version, progress=progress)
            except ModelDownloadFailed as error:
                missing.append(name)
                self.stderr.write(error.detail)
            else:
                self.stdout.write(f"{name} {installed.version.version} is verified: {installed.path}")
                self._keep_int8(installed)
        if missing:
            raise CommandError(f"Could not be fetched: {', '.join(missing)}.")

    def _keep_int8(self, installed: Installed) -> None:
        """Where the packages for it are. Nothing depends on the file: without it, the next best precision is used."""
        if find_spec("onnx") is None or find_spec("onnxruntime") is None:
            return
        from processing.engine import conversions

        try:
            if path := conversions.keep_int8(installed):
                self.stdout.write(f"{installed.model.name} {installed.version.version} in int8: {path}")
        except OSError as error:
            self.stderr.write(f"{installed.model.name} goes on without int8: {error}")

    def _tune(self, store: Store, options: dict[str, Any]) -> None:
        """Only with --activate is anything chosen by what was measured."""
        from processing.engine import precisions, tuning

        photos = tuning.photographs(store.catalog, options["images"])
        for name in options["names"] or DEFAULT_MODELS:
            installed = store.active(name)
            self.stdout.write(f"{name} {installed.version.version}")
            with TemporaryDirectory(prefix="mattery-") as scratch:
                figures = tuning.tune(
                    installed if options["activate"] else replace(installed, folder=Path(scratch)),
                    photos,
                    threads=available_cores(),
                    calibrates=options["calibrate"],
                    report=lambda line: self.stdout.write(f"  {line}"),
                )
            if options["activate"]:
                precisions.keep_figures(installed, figures)
                self.stdout.write("  active")

    def _verify(self, store: Store) -> None:
        problems = list(store.verify())
        for problem in problems:
            self.stderr.write(str(problem))
        if problems:
            raise CommandError(
                f"{len(problems)} bad. Run: manage.py models pull MODEL --version VERSION, "
                "and for a file that was made here: manage.py models tune MODEL --activate"
            )
        self.stdout.write("Every file is intact.")


def _wanted(store: Store, options: dict[str, Any]) -> Iterable[str]:
    if options["all"]:
        return [model.name for model in store.catalog.models.values() if model.commercial_use]
    return options["names"] or DEFAULT_MODELS


def _active_version(store: Store, name: str) -> ModelVersion | None:
    try:
        return store.active(name).version
    except ModelNotInstalled:
        return None
