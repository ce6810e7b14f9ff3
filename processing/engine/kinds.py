"""The kinds of values that an option can have: what each accepts, in words for people, and how it is read.

`read` takes text, as forms and queries have it, or JSON, and raises ValueError for what is not allowed. Reading what
`plain` has made of a value gives that value again.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from PIL import ImageColor

from processing.engine import catalog

TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
ORIGINAL = "original"
MAX_SIDE_SHARE, MAX_SIDE_PX = 50, 500

Rgba = tuple[int, int, int, int]


class ValueKind(Protocol):
    @property
    def allowed(self) -> str: ...

    def read(self, value: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Length:
    """Pixels, or percent of what it is measured against."""

    amount: float
    is_percent: bool = False

    PATTERN: ClassVar = r"(\d{1,5}(?:\.\d{1,3})?)(px|%)?"
    _TEXT: ClassVar = re.compile(PATTERN, re.ASCII)

    @classmethod
    def read(cls, text: str) -> "Length":
        match = cls._TEXT.fullmatch(text)
        if match is None:
            raise ValueError(text)
        return cls(float(match[1]), match[2] == "%")

    def of(self, whole: float) -> float:
        """In pixels."""
        return whole * self.amount / 100 if self.is_percent else self.amount

    def is_within(self, *, percent: float, px: float) -> bool:
        return self.amount <= (percent if self.is_percent else px)

    def __str__(self) -> str:
        return f"{self.amount:.3f}".rstrip("0").rstrip(".") + ("%" if self.is_percent else "px")


Position = str | tuple[Length, Length]
Sides = tuple[Length, Length, Length, Length]


def plain(value: Any) -> Any:
    """As JSON can hold it."""
    if isinstance(value, Length):
        return str(value)
    if isinstance(value, tuple):
        lengths = all(isinstance(part, Length) for part in value)
        return " ".join(map(str, value)) if lengths else list(value)
    return value


@dataclass(frozen=True, slots=True)
class OneOf:
    """`same_as` says what some of the choices are other words for, `titles` what people call some."""

    choices: tuple[str, ...]
    same_as: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def titled(self) -> list[tuple[str, str]]:
        """Each choice and what to call it, but for other words for the same."""
        return [(name, self.titles.get(name, name.title())) for name in self.choices if name not in self.same_as]

    @property
    def allowed(self) -> str:
        return f"one of: {', '.join(self.choices)}"

    def read(self, value: Any) -> str:
        if value not in self.choices:
            raise ValueError(value)
        return self.same_as.get(value, value)


def one_of(*choices: str) -> OneOf:
    return OneOf(choices)


@dataclass(frozen=True, slots=True)
class Boolean:
    allowed: str = "true or false"

    def read(self, value: Any) -> bool:
        text = str(value).lower()
        if text not in TRUE + FALSE:
            raise ValueError(value)
        return text in TRUE


@dataclass(frozen=True, slots=True)
class Number:
    lowest: int
    highest: int

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.lowest:,} to {self.highest:,}"

    def read(self, value: Any) -> int:
        digits = str(value)
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
            raise ValueError(value)
        if not self.lowest <= int(digits) <= self.highest:
            raise ValueError(value)
        return int(digits)


@dataclass(frozen=True, slots=True)
class ModelName:
    allowed: str = "the name of a model"

    def read(self, value: Any) -> str:
        """Raises UnknownModel."""
        return catalog.read()[str(value)].name


@dataclass(frozen=True, slots=True)
class TierName:
    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(catalog.read().tiers)

    @property
    def allowed(self) -> str:
        return f"one of: {', '.join(self.choices)}"

    def read(self, value: Any) -> str:
        if value not in self.choices:
            raise ValueError(value)
        return str(value)


@dataclass(frozen=True, slots=True)
class Colour:
    """Read as red, green, blue and alpha, 0..255 each."""

    allowed: str = "a hex colour of 3, 4, 6 or 8 digits, a CSS colour name, or red,green,blue[,alpha] from 0 to 255"

    _HEX: ClassVar = re.compile(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)
    _CHANNEL: ClassVar = Number(0, 255)

    def read(self, value: Any) -> Rgba:
        if isinstance(value, str) and "," not in value:
            return self._named(value.strip().lower())
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list | tuple) or len(parts) not in (3, 4):
            raise ValueError(value)
        red, green, blue, alpha = (self._CHANNEL.read(str(part).strip()) for part in (*parts, 255)[:4])
        return red, green, blue, alpha

    def _named(self, text: str) -> Rgba:
        if text in ImageColor.colormap:
            red, green, blue, *_ = ImageColor.getrgb(text)
            return red, green, blue, 255
        match = self._HEX.fullmatch(text)
        if match is None:
            raise ValueError(text)
        digits = match[1] if len(match[1]) > 4 else "".join(digit * 2 for digit in match[1])
        red, green, blue, alpha = bytes.fromhex(digits.ljust(8, "f"))
        return red, green, blue, alpha


@dataclass(frozen=True, slots=True)
class Distance:
    """One length that is not zero."""

    percent: int
    px: int

    @property
    def allowed(self) -> str:
        return f"a length above 0 such as 10px or 2%, at most {self.percent}% or {self.px} px"

    def read(self, value: Any) -> Length:
        length = Length.read(str(value))
        if not length.amount or not length.is_within(percent=self.percent, px=self.px):
            raise ValueError(value)
        return length


@dataclass(frozen=True, slots=True)
class Surround:
    """One, two (vertical horizontal) or four (top right bottom left) lengths; read as four."""

    allowed: str = f"1, 2 or 4 lengths such as 10px or 5%, each at most {MAX_SIDE_SHARE}% or {MAX_SIDE_PX} px"

    pattern: ClassVar = rf"\s*{Length.PATTERN}(\s+{Length.PATTERN}(\s+{Length.PATTERN}\s+{Length.PATTERN})?)?\s*"

    def read(self, value: Any) -> Sides:
        lengths = [Length.read(word) for word in _words(value)]
        if not all(length.is_within(percent=MAX_SIDE_SHARE, px=MAX_SIDE_PX) for length in lengths):
            raise ValueError(value)
        match lengths:
            case [every]:
                return every, every, every, every
            case [vertical, horizontal]:
                return vertical, horizontal, vertical, horizontal
            case [top, right, bottom, left]:
                return top, right, bottom, left
        raise ValueError(value)


@dataclass(frozen=True, slots=True)
class Scale:
    """None for the original size."""

    allowed: str = f"{ORIGINAL}, or from 10% to 100%"

    def read(self, value: Any) -> Length | None:
        if value == ORIGINAL:
            return None
        length = Length.read(str(value))
        if not length.is_percent or not 10 <= length.amount <= 100:
            raise ValueError(value)
        return length


@dataclass(frozen=True, slots=True)
class Place:
    """Horizontal and vertical, or the word `original`."""

    allowed: str = f"{ORIGINAL}, center, or one or two (horizontal vertical) values from 0% to 100%"

    def read(self, value: Any) -> Position:
        if value == ORIGINAL:
            return ORIGINAL
        words = ["50%"] if value == "center" else _words(value)
        lengths = [Length.read(word) for word in words]
        if not all(length.is_percent and length.amount <= 100 for length in lengths):
            raise ValueError(value)
        match lengths:
            case [both]:
                return both, both
            case [horizontal, vertical]:
                return horizontal, vertical
        raise ValueError(value)


@dataclass(frozen=True, slots=True)
class Region:
    """Left, top, right and bottom, from the image's upper left corner."""

    allowed: str = "four lengths, x1 y1 x2 y2, such as 0 0 50% 200px"

    def read(self, value: Any) -> Sides:
        left, top, right, bottom = (Length.read(word) for word in _words(value))
        return left, top, right, bottom


def _words(value: Any) -> Sequence[str]:
    return [str(part) for part in value] if isinstance(value, list | tuple) else str(value).split()
