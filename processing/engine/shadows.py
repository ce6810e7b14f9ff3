"""Shadows of a silhouette. They are soft, so they are drawn small and enlarged. Needs Pillow only.

A silhouette is mode L without an empty border. All lengths are shares of the foreground's size, the geometric mean of
its sides.
"""

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter

from processing.engine.layers import Point, visible_box
from processing.engine.options import Options
from processing.engine.placement import Box, Size

DROP_OFFSET = (0.025, 0.045)
DROP_BLUR = 0.035
CONTACT_BLUR = 0.016
CONTACT_REACH = 0.25  # of the height: what is further above the ground casts no shadow on it
CONTACT_FLATNESS = 0.6
CONTACT_DROP = 0.022
CONTACT_DARKNESS = 2  # before the blur spreads it
BLUR_IN_COPY_PX = 5


@dataclass(frozen=True, slots=True)
class Shadow:
    """`mask` is mode L, 255 where the shadow is darkest, and smaller than the `size` that the shadow has.

    `at` is its upper left corner, as seen from that of what casts it.
    """

    mask: Image.Image
    size: Size
    at: Point

    def part(self, box: Box) -> Image.Image:
        """RGBA, what is in this box of the shadow."""
        across, down = (small / large for small, large in zip(self.mask.size, self.size, strict=True))
        source = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
        black = Image.new("RGBA", (box[2] - box[0], box[3] - box[1]))
        black.putalpha(self.mask.resize(black.size, Image.Resampling.BICUBIC, source))
        return black


def of(picture: Image.Image, options: Options) -> Shadow:
    """The shadow of an RGBA picture."""
    alpha = picture.getchannel("A")
    left, top, right, bottom = visible_box(alpha) or (0, 0, *alpha.size)
    shadow = _SHADOWS[options.shadow](alpha.crop((left, top, right, bottom)))
    mask = shadow.mask.point([round(value * options.shadow_opacity / 100) for value in range(256)])
    return Shadow(mask, shadow.size, (left + shadow.at[0], top + shadow.at[1]))


def _drop(silhouette: Image.Image) -> Shadow:
    """As of something that floats before a wall, lit from the upper left."""
    unit = (silhouette.width * silhouette.height) ** 0.5
    across, down = (round(share * unit) for share in DROP_OFFSET)
    return _soft(silhouette, silhouette.size, (across, down), unit * DROP_BLUR)


def _contact(silhouette: Image.Image) -> Shadow:
    """On the ground, where the silhouette is near its lowest edge: that part of it, pressed flatter, fading upwards."""
    width, height = silhouette.size
    unit = (width * height) ** 0.5
    reach = max(1, round(height * CONTACT_REACH))
    foot = silhouette.crop((0, height - reach, width, height))
    fading = Image.linear_gradient("L").resize(foot.size)
    flat = (width, max(1, round(reach * CONTACT_FLATNESS)))
    dark = ImageChops.multiply(foot, fading).point([min(255, value * CONTACT_DARKNESS) for value in range(256)])
    return _soft(dark, flat, (0, height - flat[1] + round(unit * CONTACT_DROP)), unit * CONTACT_BLUR)


_SHADOWS = {"drop": _drop, "contact": _contact}


def _soft(shape: Image.Image, size: Size, at: Point, blur_px: float) -> Shadow:
    """The shape as large as `size` and at that point, blurred, with a margin around for that."""
    shrinking = max(1.0, blur_px / BLUR_IN_COPY_PX)
    margin = round(3 * blur_px) + 1
    full = (size[0] + 2 * margin, size[1] + 2 * margin)
    small = Image.new("L", _shrunk(full, shrinking))
    shape = shape.resize(_shrunk(size, shrinking), Image.Resampling.BOX, reducing_gap=1.0)
    small.paste(shape, _shrunk((margin, margin), shrinking))
    return Shadow(small.filter(ImageFilter.GaussianBlur(blur_px / shrinking)), full, (at[0] - margin, at[1] - margin))


def _shrunk(size: Size, shrinking: float) -> Size:
    return max(1, round(size[0] / shrinking)), max(1, round(size[1] / shrinking))
