"""Pictures that know which part of the original they show. Needs Pillow only."""

from dataclasses import dataclass
from math import ceil, floor

from PIL import Image

from processing.engine.placement import Bounds, Box, Placement, Size

Point = tuple[int, int]

FAINT = 16  # of 255: networks leave traces far from what they have found, which must not count for its extent


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture, and the part of the original that it shows, in pixels of the original. It may have fewer itself."""

    picture: Image.Image
    bounds: Bounds

    def in_original(self, box: Box) -> Bounds:
        across, down = self._scales
        left, top = self.bounds[:2]
        return box[0] * across + left, box[1] * down + top, box[2] * across + left, box[3] * down + top

    def in_picture(self, bounds: Bounds) -> Bounds:
        """Of what is asked for, the part that there is."""
        across, down = self._scales
        left, top = self.bounds[:2]
        width, height = self.picture.size
        return (
            max(0, (bounds[0] - left) / across),
            max(0, (bounds[1] - top) / down),
            min(width, (bounds[2] - left) / across),
            min(height, (bounds[3] - top) / down),
        )

    def pixels(self, bounds: Bounds) -> Box:
        """The pixels that this part of the original touches; at least one."""
        left, top, right, bottom = self.in_picture(bounds)
        left, top = min(floor(left + 1e-6), self.picture.width - 1), min(floor(top + 1e-6), self.picture.height - 1)
        return left, top, max(left + 1, ceil(right - 1e-6)), max(top + 1, ceil(bottom - 1e-6))

    @property
    def _scales(self) -> tuple[float, float]:
        left, top, right, bottom = self.bounds
        return (right - left) / self.picture.width, (bottom - top) / self.picture.height

    def cropped(self, box: Box) -> "Layer":
        if box == (0, 0, *self.picture.size):
            return self
        return Layer(self.picture.crop(box), self.in_original(box))

    def on_canvas(self, place: Placement) -> tuple[Image.Image, Point]:
        """The picture as large as the canvas has it, and where its upper left corner is."""
        left, top, right, bottom = place.on_canvas(self.bounds)
        box = self.in_picture(place.in_original((left, top, right, bottom)))
        return _resized(self.picture, (right - left, bottom - top), box), (left, top)


def _resized(picture: Image.Image, size: Size, box: Bounds) -> Image.Image:
    left, top, right, bottom = (round(edge) for edge in box)
    is_aligned = all(abs(edge - round(edge)) < 1e-6 for edge in box)
    if is_aligned and (right - left, bottom - top) == size:
        return picture if size == picture.size else picture.crop((left, top, right, bottom))
    if picture.mode == "RGBA":  # multiplied, so that no colour comes in from transparent pixels
        premultiplied = picture.convert("RGBa")
        return premultiplied.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=2.0).convert("RGBA")
    return picture.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=2.0)


def visible_box(alpha: Image.Image) -> Box | None:
    """Around what is not faint; if all is, around that. None where alpha is 0 throughout."""
    seen = alpha.point([0] * FAINT + [255] * (256 - FAINT))
    return seen.getbbox() or alpha.getbbox()
