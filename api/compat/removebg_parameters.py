"""remove.bg's parameters, as options of ours. docs/migrate-from-removebg.md lists the same table for people.

What they do not know they ignore, and so does this: a program may send what a later version of theirs took.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings

from processing.engine.kinds import Boolean, Number, one_of
from processing.engine.options import OPTIONS, Option, Options, refusal

QUARTER, WHOLE = Decimal("0.25"), Decimal(1)


@dataclass(frozen=True, slots=True)
class Size:
    max_pixels: int
    credits: Decimal


PREVIEW, FULL = Size(250_000, QUARTER), Size(25_000_000, WHOLE)
SIZES = {
    "preview": PREVIEW,
    "small": PREVIEW,
    "regular": PREVIEW,
    "medium": Size(1_500_000, WHOLE),
    "hd": Size(4_000_000, WHOLE),
    "full": FULL,
    "4k": FULL,
    "50MP": Size(50_000_000, WHOLE),
}
AUTO = "auto"

# Theirs → ours, with the same values.
SAME = {
    "format": "format",
    "roi": "roi",
    "crop": "crop",
    "crop_margin": "crop_margin",
    "scale": "scale",
    "position": "position",
    "bg_color": "background",
    # Not theirs; a program that has moved here may want them.
    "model": "model",
    "tier": "tier",
    "refine": "refine",
    "quality": "quality",
}
CHANNELS = {"rgba": "cutout", "alpha": "mask"}
TYPES = ("person", "product", "car", "animal", "graphic", "transportation", "other")
TYPE_LEVELS = ("none", "1", "2", "latest")
SHADOWS = {"none": "none", "drop": "drop", "3D": "contact", "car": "contact"}
STANDING = {"product", "car", "transportation"}  # what stands on the ground, for the shadow `auto`
OPACITY = {"car": 90}
OTHER_OPACITY = 50
OF_A_TYPE = re.compile(r"(shadow_type|shadow_opacity)\[(\w+)\]")


@dataclass(frozen=True, slots=True)
class Opacity:
    """None for the usual one of the foreground's type."""

    allowed: str = f"{AUTO}, or from 0 to 100"

    def read(self, value: Any) -> int | None:
        return None if value == AUTO else Number(0, 100).read(value)


READERS = {
    **{theirs: Option(theirs, OPTIONS[ours].kind, None, "") for theirs, ours in SAME.items()},
    "size": Option("size", one_of(*SIZES, AUTO), "preview", ""),
    "type": Option("type", one_of(AUTO, *TYPES), AUTO, ""),
    "type_level": Option("type_level", one_of(*TYPE_LEVELS), "1", ""),
    "channels": Option("channels", one_of(*CHANNELS), "rgba", ""),
    "semitransparency": Option("semitransparency", Boolean(), True, ""),  # glass is as the network sees it, either way
    "shadow_type": Option("shadow_type", one_of(AUTO, *SHADOWS), "none", ""),
    "shadow_opacity": Option("shadow_opacity", Opacity(), None, ""),
    "add_shadow": Option("add_shadow", Boolean(), False, ""),
}
NAMES = {ours: theirs for theirs, ours in SAME.items()} | {"output": "channels", "max_pixels": "size"}


@dataclass(frozen=True, slots=True)
class Wanted:
    options: Options
    credits: Decimal
    tells_type: bool


def wanted(fields: Mapping[str, Any], *, credits_left: Decimal, has_background: bool) -> Wanted:
    """Raises InvalidOption or UnknownModel, with the parameter at fault as they name it."""
    given = {name: value for name, value in fields.items() if value not in ("", None)}
    read = {name: reader.read(given[name]) for name, reader in READERS.items() if name in given}
    size = _size(read.get("size", "preview"), credits_left)
    options = Options.parse(
        {
            "format": AUTO,
            **{ours: given[theirs] for theirs, ours in SAME.items() if theirs in given},
            **_shadow(given, read),
            "output": CHANNELS[read.get("channels", "rgba")],
            "max_pixels": size.max_pixels,
            "background_image": has_background,
            "require_foreground": True,
        },
        default_model=settings.DEFAULT_MODEL,
    )
    return Wanted(options, size.credits, read.get("type_level") != "none")


def _size(name: str, credits_left: Decimal) -> Size:
    if name != AUTO:
        return SIZES[name]
    return FULL if credits_left >= WHOLE else PREVIEW


def _shadow(given: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of the foreground's own type goes before what is said of all. We know its type if we are told it."""
    by_type = _of_types(given)
    type_ = read.get("type", AUTO)
    type_ = "other" if type_ == AUTO else type_
    added = "car" if read.get("add_shadow") and type_ == "car" else "none"
    shadow = by_type.get(("shadow_type", type_), read.get("shadow_type", added))
    if shadow == AUTO:
        shadow = "3D" if type_ in STANDING else "drop"
    opacity = by_type.get(("shadow_opacity", type_), read.get("shadow_opacity"))
    return {
        "shadow": SHADOWS[shadow],
        "shadow_opacity": OPACITY.get(type_, OTHER_OPACITY) if opacity is None else opacity,
    }


def _of_types(given: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """Such as `shadow_type[car]`."""
    found: dict[tuple[str, str], Any] = {}
    for name, value in given.items():
        match = OF_A_TYPE.fullmatch(name)
        if match is None:
            continue
        parameter, type_ = match.groups()
        if type_ not in TYPES:
            raise refusal(parameter, f"{parameter}[…] takes one of: {', '.join(TYPES)}.")
        found[parameter, type_] = READERS[parameter].read(value)
    return found
