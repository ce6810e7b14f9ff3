"""What is behind the foreground: a colour, another image, or the image's own background out of focus."""

from math import ceil, sqrt

from PIL import Image, ImageFilter

from processing.engine.decode import Limits, decode
from processing.engine.filling import filled
from processing.engine.layers import Layer, resized
from processing.engine.options import Options, refusal
from processing.engine.placement import Bounds, Placement, Size
from processing.engine.tiles import tiles

# A wide blur is made in a small copy, in which it is still so wide: what it leaves of the image has no finer detail.
# From the second width on, half the size does: the difference is below half a step of 255 on average.
BLUR_IN_COPY_PX = 2
BLUR_IN_HALF_PX = 2.5
BLUR_TILE_PX = 512
BLUR_REACH = 5  # how far the filter sees, in radii
EDGE_SHARE = 1 / 200
EDGE_IN_COPY_PX = 8


def out_of_focus(original: Layer, alpha: Image.Image, place: Placement, options: Options) -> Layer | None:
    """The part of the original that the canvas shows, without its foreground; smaller than that where it may be."""
    if options.background_blur is None or options.output == "mask":
        return None
    _, _, width, height = original.bounds
    radius_px = options.background_blur.of(max(width, height)) * original.picture.width / width
    layer = blurred(original, alpha, radius_px)
    return layer.cropped(layer.pixels(place.in_original((0, 0, *place.size))))


def canvas(
    options: Options, place: Placement, *, blurred: Layer | None, file: bytes | None, limits: Limits
) -> Image.Image | None:
    """RGBA, the background alone; None where there is none. `file` is the background image.

    Raises an ImageError, or InvalidOption where that image is missing.
    """
    if options.output == "mask":
        return None
    if options.background is not None:
        return Image.new("RGBA", place.size, options.background)
    if options.background_image:
        picture = _read(file, limits, place.size)
        return _covering(picture, (0, 0, *picture.size), place.size)
    if blurred is not None:
        return _covering(blurred.picture, blurred.in_picture(place.in_original((0, 0, *place.size))), place.size)
    return None


def _read(file: bytes | None, limits: Limits, size: Size) -> Image.Image:
    """RGB or RGBA, with no more pixels than cover that size well."""
    if file is None:
        raise refusal("background_image", "There is no image for background_image. Send one along.")
    decoded = decode(file, limits, enough=lambda _: size)
    if decoded.alpha is not None:
        decoded.rgb.putalpha(decoded.alpha)
    return decoded.rgb


def blurred(original: Layer, alpha: Image.Image, radius_px: float) -> Layer:
    """Mode RGB, smaller than the image where the blur allows that. The foreground is taken out before, so that it casts
    no glow. `radius_px` is the standard deviation, in pixels of the picture.
    """
    least = 2 if radius_px >= BLUR_IN_HALF_PX else 1
    shrinking = max(least, int(min(radius_px, *alpha.size) / BLUR_IN_COPY_PX))
    small = original.reduced(shrinking)
    behind = _without_foreground(small.picture, alpha.reduce(shrinking))
    reduction_variance = (shrinking**2 - 1) / 12  # reducing is a blur as well
    copy_radius_px = sqrt(radius_px**2 - reduction_variance) / shrinking
    return Layer(_soft(behind, copy_radius_px), small.bounds)


def _soft(rgb: Image.Image, radius_px: float) -> Image.Image:
    """As the filter makes it of the whole image, for which it would need another copy."""
    soft, reach = Image.new(rgb.mode, rgb.size), ceil(BLUR_REACH * radius_px) + 1
    for left, top, right, bottom in tiles(rgb.size, BLUR_TILE_PX):
        x, y = max(0, left - reach), max(0, top - reach)
        around = rgb.crop((x, y, min(right + reach, rgb.width), min(bottom + reach, rgb.height)))
        part = around.filter(ImageFilter.GaussianBlur(radius_px))
        soft.paste(part.crop((left - x, top - y, right - x, bottom - y)), (left, top))
    return soft


def _without_foreground(rgb: Image.Image, alpha: Image.Image) -> Image.Image:
    """Fills what alpha covers, and a little around it, with the colours of its surroundings. Changes `rgb`."""
    edge_px = max(1, round(max(rgb.size) * EDGE_SHARE))
    shrinking = max(1, edge_px // EDGE_IN_COPY_PX)
    edge = ImageFilter.BoxBlur(edge_px / shrinking)
    covered = alpha.reduce(shrinking).filter(edge).point([0 if value < 4 else 255 for value in range(256)])
    source = (0, 0, rgb.width / shrinking, rgb.height / shrinking)
    return filled(rgb, covered.resize(rgb.size, Image.Resampling.NEAREST, source))


def _covering(picture: Image.Image, box: Bounds, size: Size) -> Image.Image:
    """RGBA, what the box holds, as large as fills `size`, its aspect kept, centred. Takes the picture over."""
    left, top, right, bottom = box
    scale = min((right - left) / size[0], (bottom - top) / size[1])
    across, down = max(0, right - left - size[0] * scale) / 2, max(0, bottom - top - size[1] * scale) / 2
    picture = resized(picture, size, (left + across, top + down, right - across, bottom - down))
    if picture.mode != "RGBA":
        picture.putalpha(255)
    return picture
