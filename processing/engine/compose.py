"""From a foreground, its alpha and what is behind it to the picture that is asked for."""

from collections.abc import Callable

from PIL import Image, ImageChops

from processing.engine import shadows
from processing.engine.filling import filled
from processing.engine.layers import Layer, Point, bands
from processing.engine.options import Options
from processing.engine.placement import Box, Placement, Size

WHITE = (255, 255, 255)


def spread(matte: Image.Image, region: Box, size: Size) -> Image.Image:
    """The matte of a region, in an image of that size: outside is background."""
    if matte.size == size:
        return matte
    full = Image.new("L", size)
    full.paste(matte, region)
    return full


def combined(matte: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """What was transparent before stays so."""
    return matte if alpha is None else ImageChops.multiply(matte, alpha)


def cut(rgb: Image.Image, alpha: Image.Image) -> Image.Image:
    """RGBA, its colours black where alpha is 0, which makes a PNG a third as large and much faster.

    Takes `rgb` over: a large image is not copied.
    """
    rgb.paste((0, 0, 0), mask=alpha.point([255, *[0] * 255]))
    rgb.putalpha(alpha)
    return rgb


def composed(subject: Layer | None, place: Placement, options: Options, *, behind: Image.Image | None) -> Image.Image:
    """What the canvas shows in the end: L for a mask, else RGBA. Takes `behind`, RGBA and of its size, over."""
    if subject is None:
        return behind or Image.new("L" if options.output == "mask" else "RGBA", place.size)
    picture, at = subject.on_canvas(place)
    is_mask, has_shadow = options.output == "mask", options.shadow != "none"
    if is_mask or (behind is None and not has_shadow):
        return _on_nothing(picture, at, place.size)
    canvas = behind or Image.new("RGBA", place.size)
    if has_shadow:
        shadow = shadows.of(picture, options)
        lay_over(canvas, shadow.part, shadow.size, (at[0] + shadow.at[0], at[1] + shadow.at[1]))
    lay_over(canvas, picture.crop, picture.size, at)
    return canvas


def _on_nothing(picture: Image.Image, at: Point, size: Size) -> Image.Image:
    if picture.size == size:
        return picture
    canvas = Image.new(picture.mode, size)
    canvas.paste(picture, at)
    return canvas


def lay_over(below: Image.Image, above: Callable[[Box], Image.Image], size: Size, at: Point) -> None:
    """Changes `below`. Both are RGBA; `above` gives the parts of what has this size, and may reach beyond `below`."""
    left, top = max(at[0], 0), max(at[1], 0)
    right, bottom = min(at[0] + size[0], below.width), min(at[1] + size[1], below.height)
    if left >= right:
        return
    for band in bands((left, top, right, bottom)):
        part = above((band[0] - at[0], band[1] - at[1], band[2] - at[0], band[3] - at[1]))
        beneath = below.crop(band)
        is_anything = beneath.getbbox() is not None
        below.paste(Image.alpha_composite(beneath, part) if is_anything else part, band)


def flat(picture: Image.Image) -> Image.Image:
    """For formats without alpha: on white."""
    if picture.mode != "RGBA":
        return picture
    opaque = Image.new("RGB", picture.size, WHITE)
    opaque.paste(picture, mask=picture)
    return opaque


def is_opaque(picture: Image.Image) -> bool:
    return picture.mode != "RGBA" or picture.getchannel("A").getextrema() == (255, 255)


def colours(picture: Image.Image, alpha: Image.Image) -> Image.Image:
    """RGB; where nothing is to be seen, colours that go on from those beside, as black would bleed in a JPEG."""
    return filled(picture.convert("RGB"), alpha.point([255, *[0] * 255]))
