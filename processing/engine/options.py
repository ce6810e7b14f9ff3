"""What may be asked of a cutout, validated once for every API dialect. Imports neither numpy nor a runtime, so that a
web process can check a request without them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from processing.engine import catalog
from processing.engine.errors import InvalidOption

OUTPUTS = ("cutout", "mask")
FORMATS = ("png",)
type Parser = Callable[[str, Any], Any]
TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`background` is RGBA, 0..255 each. Thresholds are 0..255, the erosion is in pixels."""

    model: str = "u2net"
    output: str = "cutout"
    format: str = "png"
    post_process_mask: bool = False
    alpha_matting: bool = False
    alpha_matting_foreground_threshold: int = 240
    alpha_matting_background_threshold: int = 10
    alpha_matting_erode_size: int = 10
    decontaminate_edges: bool = False
    background: tuple[int, int, int, int] | None = None

    @classmethod
    def parse(cls, given: Mapping[str, Any], *, allowed: Collection[str] | None = None) -> Self:
        """From a form, a query or JSON; an empty string means "not given".

        Raises UnknownModel or InvalidOption, naming what is allowed.
        """
        names = tuple(allowed or (field.name for field in fields(cls)))
        unknown = sorted(given.keys() - set(names))
        if unknown:
            raise InvalidOption(f"Unknown option {unknown[0]!r}. Allowed: {', '.join(names)}.")
        present = {name: value for name, value in given.items() if value not in ("", None)}
        return cls(**{name: PARSERS[name](name, value) for name, value in present.items()})

    def as_dict(self) -> dict[str, Any]:
        """What differs from the defaults, and the model; parse() takes it back."""
        defaults = asdict(type(self)())
        return {
            name: value
            for name, value in asdict(self).items()
            if value != defaults[name] or name in ("model", "output", "format")
        }


def _model(_name: str, value: Any) -> str:
    return catalog.read()[str(value)].name


def _one_of(*choices: str) -> Parser:
    def parse(name: str, value: Any) -> str:
        if value not in choices:
            raise InvalidOption(f"{name} must be one of: {', '.join(choices)}.")
        return str(value)

    return parse


def boolean(name: str, value: Any) -> bool:
    text = str(value).lower()
    if text not in TRUE + FALSE:
        raise InvalidOption(f"{name} must be true or false.")
    return text in TRUE


def _number(lowest: int, highest: int) -> Parser:
    def parse(name: str, value: Any) -> int:
        digits = str(value)
        if not digits.isdecimal() or len(digits) > 9 or not lowest <= int(digits) <= highest:
            raise InvalidOption(f"{name} must be a whole number from {lowest} to {highest}.")
        return int(value)

    return parse


def _rgba(name: str, value: Any) -> tuple[int, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or len(parts) != 4:
        raise InvalidOption(f"{name} must be four numbers from 0 to 255: red,green,blue,alpha.")
    return tuple(_channel(name, str(part).strip()) for part in parts)


_channel = _number(0, 255)

PARSERS: dict[str, Parser] = {
    "model": _model,
    "output": _one_of(*OUTPUTS),
    "format": _one_of(*FORMATS),
    "post_process_mask": boolean,
    "alpha_matting": boolean,
    "alpha_matting_foreground_threshold": _number(0, 255),
    "alpha_matting_background_threshold": _number(0, 255),
    "alpha_matting_erode_size": _number(0, 255),
    "decontaminate_edges": boolean,
    "background": _rgba,
}
