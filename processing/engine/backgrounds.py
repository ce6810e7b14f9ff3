"""What is behind the foreground: a colour, another image, or the image's own background out of focus."""

from PIL import Image, ImageFilter

from processing.engine.decode import Limits, decode
from processing.engine.filling import filled
from processing.engine.layers import Layer
from processing.engine.options import Options, refusal
from processing.engine.placement import Placement, Size

# A blur this wide and wider is made in a small copy: what it leaves of the image has no finer detail.
BLUR_IN_COPY_PX = 2
EDGE_SHARE = 1 / 200


def out_of_focus(original: Layer, alpha: Image.Image, place: Placement, options: Options) -> Image.Image | None:
    """The part of the original that the canvas shows, without its foreground; smaller than that where it may be."""
    if options.background_blur is None or options.output == "mask":
        return None
    _, _, width, height = original.bounds
    radius_px = options.background_blur.of(max(width, height)) * original.picture.width / width
    layer = Layer(blurred(original.picture, alpha, radius_px), original.bounds)
    return layer.cropped(layer.pixels(place.in_original((0, 0, *place.size)))).picture


def canvas(
    options: Options, size: Size, *, blurred: Image.Image | None, file: bytes | None, limits: Limits
) -> Image.Image | None:
    """RGBA, the background alone; None where there is none. `file` is the background image.

    Raises an ImageError, or InvalidOption where that image is missing.
    """
    if options.output == "mask":
        return None
    if options.background is not None:
        return Image.new("RGBA", size, options.background)
    if options.background_image:
        return covering(_read(file, limits), size)
    return None if blurred is None else covering(blurred, size)


def _read(file: bytes | None, limits: Limits) -> Image.Image:
    if file is None:
        raise refusal("background_image", "There is no image for background_image. Send one along.")
    decoded = decode(file, limits)
    if decoded.alpha is not None:
        decoded.rgb.putalpha(decoded.alpha)
    return decoded.rgb


def blurred(rgb: Image.Image, alpha: Image.Image, radius_px: float) -> Image.Image:
    """Mode RGB, smaller than the image where the blur allows that. The foreground is taken out before, so that it casts
    no glow. `radius_px` is the standard deviation.
    """
    shrinking = max(1, int(min(radius_px, *rgb.size) / BLUR_IN_COPY_PX))
    behind = without_foreground(rgb.reduce(shrinking), alpha.reduce(shrinking))
    return behind.filter(ImageFilter.GaussianBlur(radius_px / shrinking))


def without_foreground(rgb: Image.Image, alpha: Image.Image) -> Image.Image:
    """Fills what alpha covers, and a little around it, with the colours of its surroundings. Changes `rgb`."""
    edge_px = max(1, round(max(rgb.size) * EDGE_SHARE))
    covered = alpha.filter(ImageFilter.BoxBlur(edge_px)).point([0 if value < 4 else 255 for value in range(256)])
    return filled(rgb, covered)


def covering(picture: Image.Image, size: Size) -> Image.Image:
    """RGBA, as large as fills `size`, its aspect kept, centred."""
    scale = min(picture.width / size[0], picture.height / size[1])
    left, top = ((side - shown * scale) / 2 for side, shown in zip(picture.size, size, strict=True))
    left, top = max(left, 0), max(top, 0)
    box = (left, top, picture.width - left, picture.height - top)
    return picture.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=2.0).convert("RGBA")
