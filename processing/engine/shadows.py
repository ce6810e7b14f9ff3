"""Shadows of a silhouette. They are soft, so they are drawn small and enlarged. Needs Pillow only.

A silhouette is mode L without an empty border; its shadow is mode L, 255 where it is darkest, with the point of its
upper left corner as seen from the silhouette's.

All lengths are shares of the foreground's size, the geometric mean of its sides.
"""

from PIL import Image, ImageChops, ImageFilter

from processing.engine.layers import Point, visible_box
from processing.engine.options import Options

DROP_OFFSET = (0.025, 0.045)
DROP_BLUR = 0.035
CONTACT_BLUR = 0.016
CONTACT_REACH = 0.25  # of the height: what is further above the ground casts no shadow on it
CONTACT_FLATNESS = 0.6
CONTACT_DROP = 0.022
CONTACT_DARKNESS = 2  # before the blur spreads it
BLUR_IN_COPY_PX = 5


def of(picture: Image.Image, at: Point, options: Options) -> tuple[Image.Image, Point]:
    """The shadow of an RGBA picture that is at that point of a canvas, and its own point."""
    alpha = picture.getchannel("A")
    left, top, right, bottom = visible_box(alpha) or (0, 0, *alpha.size)
    silhouette = alpha.crop((left, top, right, bottom))
    mask, (across, down) = drop(silhouette) if options.shadow == "drop" else contact(silhouette)
    shade = mask.point([round(value * options.shadow_opacity / 100) for value in range(256)])
    nothing = Image.new("L", shade.size)
    return Image.merge("RGBA", (nothing, nothing, nothing, shade)), (at[0] + left + across, at[1] + top + down)


def drop(silhouette: Image.Image) -> tuple[Image.Image, Point]:
    """As of something that floats before a wall, lit from the upper left."""
    unit = (silhouette.width * silhouette.height) ** 0.5
    mask, margin = _soft(silhouette, silhouette.size, unit * DROP_BLUR)
    across, down = (round(share * unit) for share in DROP_OFFSET)
    return mask, (across - margin, down - margin)


def contact(silhouette: Image.Image) -> tuple[Image.Image, Point]:
    """On the ground, where the silhouette is near its lowest edge: that part of it, pressed flatter, fading upwards."""
    width, height = silhouette.size
    unit = (width * height) ** 0.5
    reach = max(1, round(height * CONTACT_REACH))
    foot = silhouette.crop((0, height - reach, width, height))
    fading = Image.linear_gradient("L").resize(foot.size)
    flat = (width, max(1, round(reach * CONTACT_FLATNESS)))
    dark = ImageChops.multiply(foot, fading).point([min(255, value * CONTACT_DARKNESS) for value in range(256)])
    mask, margin = _soft(dark, flat, unit * CONTACT_BLUR)
    return mask, (-margin, height - flat[1] + round(unit * CONTACT_DROP) - margin)


def _soft(shape: Image.Image, size: tuple[int, int], blur_px: float) -> tuple[Image.Image, int]:
    """The shape resized to `size` and blurred, with a margin of so many pixels on each side for that."""
    shrinking = max(1.0, blur_px / BLUR_IN_COPY_PX)
    margin = round(3 * blur_px) + 1
    full = (size[0] + 2 * margin, size[1] + 2 * margin)
    small = Image.new("L", _shrunk(full, shrinking))
    shape = shape.resize(_shrunk(size, shrinking), Image.Resampling.BOX, reducing_gap=1.0)
    small.paste(shape, _shrunk((margin, margin), shrinking))
    return small.filter(ImageFilter.GaussianBlur(blur_px / shrinking)).resize(full, Image.Resampling.BICUBIC), margin


def _shrunk(size: tuple[int, int], shrinking: float) -> tuple[int, int]:
    return max(1, round(size[0] / shrinking)), max(1, round(size[1] / shrinking))
