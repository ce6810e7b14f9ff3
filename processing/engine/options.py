"""What may be asked of a cutout: one table, validated once for every API dialect and for the dashboard. Imports
neither numpy nor a runtime, so that a web process can check a request without them.

`OPTIONS` is that table as data; docs/options.md lists it.
"""

# ruff: noqa: RUF009 (what _option() makes is a dataclass field)

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from processing.engine import catalog, kinds
from processing.engine.errors import InvalidOption
from processing.engine.kinds import Length, Position, Rgba, Sides, ValueKind

OUTPUTS = ("cutout", "mask")
FORMATS = ("png", "webp", "jpeg", "jpg", "avif", "zip", "auto")
FORMAT_TITLES = {
    "png": "PNG",
    "webp": "WebP",
    "jpeg": "JPEG",
    "avif": "AVIF",
    "zip": "ZIP of colour and alpha",
    "auto": "PNG or JPEG, as it fits",
}
MAX_CANVAS_SIDE_PX = 8_192
MAX_CANVAS_PIXELS = 50_000_000
MAX_ECHO = 60  # characters of an unknown name that are repeated to its sender
MAX_FORMAT_SIDE_PX = {"webp": 16_383, "jpeg": 65_535, "avif": 65_535, "zip": 65_535}


@dataclass(frozen=True, slots=True)
class Option:
    name: str
    kind: ValueKind
    default: Any
    help: str

    def read(self, value: Any) -> Any:
        """Raises InvalidOption or UnknownModel."""
        try:
            return self.kind.read(value)
        except (ValueError, TypeError):
            raise refusal(self.name, f"{self.name} must be {self.kind.allowed}.") from None


def refusal(option: str, detail: str, error: type[InvalidOption] = InvalidOption) -> InvalidOption:
    refused = error(detail)
    refused.param = option
    return refused


def require_side(size: tuple[int, int], file_format: str) -> None:
    """Raises InvalidOption where the format cannot hold a picture of that size."""
    most = MAX_FORMAT_SIDE_PX.get(file_format)
    if most is not None and max(size) > most:
        raise refusal(
            "format",
            f"{file_format} holds at most {most:,} pixels a side and the result has {max(size):,}: choose png.",
        )


def _option(default: Any, kind: ValueKind, description: str) -> Any:
    return field(default=default, metadata={"kind": kind, "help": description})


_NO_SIDES: Sides = (Length(0), Length(0), Length(0), Length(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Raises InvalidOption where options contradict each other."""

    model: str = _option("u2net", kinds.ModelName(), "The network that finds the foreground.")
    tier: str | None = _option(None, kinds.TierName(), "Chooses `model` and `refine`, where those are not given.")
    output: str = _option(
        "cutout",
        kinds.one_of(*OUTPUTS),
        "The cutout, or only its mask, to which backgrounds, shadows and edge colours do not apply.",
    )
    format: str = _option(
        "png",
        kinds.OneOf(FORMATS, same_as={"jpg": "jpeg"}, titles=FORMAT_TITLES),
        "The file. JPEG puts white below what has no background; zip holds color.jpg and alpha.png; auto is PNG "
        "where something is transparent, else JPEG, and PNG for a mask.",
    )
    quality: int = _option(90, kinds.Number(1, 100), "Of JPEG, AVIF and, unless `lossless`, WebP.")
    lossless: bool = _option(False, kinds.Boolean(), "WebP without loss.")
    edges: str = _option(
        "clean", kinds.one_of("clean", "raw"), "clean takes the background's colour out of translucent edges."
    )
    refine: bool = _option(False, kinds.Boolean(), "Finer hair, fur and other edges, for some more time.")
    post_process_mask: bool = _option(False, kinds.Boolean(), "A hard mask with a smooth outline, as rembg makes it.")
    alpha_matting: bool = _option(
        False, kinds.Boolean(), "Closed-form matting of a cutout, as rembg does it; see `refine`."
    )
    alpha_matting_foreground_threshold: int = _option(
        240, kinds.Number(0, 255), "Above it, alpha matting takes the mask for certain foreground."
    )
    alpha_matting_background_threshold: int = _option(
        10, kinds.Number(0, 255), "Below it, alpha matting takes the mask for certain background."
    )
    alpha_matting_erode_size: int = _option(
        10, kinds.Number(0, 255), "Pixels along the outline that alpha matting takes for uncertain."
    )
    roi: Sides | None = _option(
        None, kinds.Region(), "Where the foreground is looked for; everything outside is background."
    )
    require_foreground: bool = _option(
        False, kinds.Boolean(), "An image in which nothing is found fails with `no_foreground`, and costs nothing."
    )
    crop: bool = _option(False, kinds.Boolean(), "Cuts the canvas down to the foreground.")
    crop_margin: Sides = _option(
        _NO_SIDES, kinds.Surround(), "With `crop`: room around the foreground. Percent of the foreground's sides."
    )
    scale: Length | None = _option(
        None, kinds.Scale(), "Largest share of the canvas that the foreground takes, in width and in height."
    )
    position: Position | None = _option(
        None,
        kinds.Place(),
        "Where on the canvas the foreground is: 0% at the left or top, 100% at the right or bottom. Not given: "
        "original, or center with `scale`.",
    )
    width: int | None = _option(
        None, kinds.Number(1, MAX_CANVAS_SIDE_PX), "Of the canvas in pixels. Without `height` the shape is kept."
    )
    height: int | None = _option(
        None, kinds.Number(1, MAX_CANVAS_SIDE_PX), "Of the canvas in pixels. Without `width` the shape is kept."
    )
    padding: Sides = _option(
        _NO_SIDES,
        kinds.Surround(),
        "Room kept free along the canvas: inside a `width` or `height` that is given and in percent of it, else added.",
    )
    max_pixels: int | None = _option(
        None, kinds.Number(1, MAX_CANVAS_PIXELS), "A result with more pixels is made smaller, such as for a preview."
    )
    background: Rgba | None = _option(None, kinds.Colour(), "A colour behind the foreground.")
    background_blur: Length | None = _option(
        None,
        kinds.Distance(percent=10, px=500),
        "The image's own background, blurred with this radius, behind the foreground. Percent of its longer side.",
    )
    background_image: bool = _option(
        False, kinds.Boolean(), "An image that comes with the request fills the canvas behind the foreground."
    )
    shadow: str = _option(
        "none", kinds.one_of("none", "drop", "contact"), "Behind the foreground, or on the ground it stands on."
    )
    shadow_opacity: int = _option(50, kinds.Number(0, 100), "In percent.")
    dpi: int | None = _option(None, kinds.Number(1, 2_400), "The resolution that the file states.")
    metadata: str = _option(
        "strip",
        kinds.one_of("strip", "keep"),
        "keep copies the original's Exif data, its place included, without its thumbnail.",
    )

    def __post_init__(self) -> None:
        for option, detail in _contradictions(self):
            raise refusal(option, detail)

    @classmethod
    def parse(cls, given: Mapping[str, Any], *, default_model: str | None = None) -> Self:
        """From a form, a query or JSON; an empty string means "not given".

        Raises UnknownModel or InvalidOption, naming what is allowed.
        """
        unknown = sorted(given.keys() - OPTIONS.keys())
        if unknown:
            name = unknown[0][:MAX_ECHO]
            raise refusal(name, f"Unknown option {name!r}. Allowed: {', '.join(OPTIONS)}.")
        present = {name: value for name, value in given.items() if value not in ("", None)}
        values = {name: OPTIONS[name].read(value) for name, value in present.items()}
        return cls(**{**_implied(values.get("tier"), default_model), **values})

    def as_dict(self) -> dict[str, Any]:
        """What parse() needs to make the same options, and what a job shows; as JSON can hold it."""
        values = {name: (getattr(self, name), option.default) for name, option in OPTIONS.items()}
        return {
            name: kinds.plain(value)
            for name, (value, default) in values.items()
            if value != default or name in ("model", "output", "format") or (name == "refine" and self.tier)
        }


def _implied(tier: str | None, default_model: str | None) -> dict[str, Any]:
    if tier is not None:
        chosen = catalog.read().tiers[tier]
        return {"model": chosen.model, "refine": chosen.refine}
    return {"model": default_model} if default_model else {}


def _contradictions(options: Options) -> Iterator[tuple[str, str]]:
    """The option to change, and what to do."""
    kinds_given = [name for name in ("background", "background_blur", "background_image") if getattr(options, name)]
    if len(kinds_given) > 1:
        yield kinds_given[1], f"Only one background is possible. Choose {' or '.join(kinds_given)}."
    if (options.width or 0) * (options.height or 0) > MAX_CANVAS_PIXELS:
        yield "width", f"width times height must be at most {MAX_CANVAS_PIXELS:,} pixels."
    top, right, bottom, left = options.padding
    for name, before, after in (("width", left, right), ("height", top, bottom)):
        side = getattr(options, name)
        if side and side - before.of(side) - after.of(side) < 1:
            yield "padding", f"padding leaves no room in the {name} of {side} px."
    if options.format == "zip" and options.output == "mask":
        yield "output", "A zip holds the mask beside the colours. Leave output out, or choose another format."


OPTIONS: Mapping[str, Option] = {
    field.name: Option(field.name, field.metadata["kind"], field.default, field.metadata["help"])
    for field in fields(Options)
}
