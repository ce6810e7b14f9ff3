"""Pictures that know which part of the original they show. Needs Pillow only."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor

from PIL import Image

from processing.engine.placement import Bounds, Box, Placement, Size

Point = tuple[int, int]

# Large pictures are resized and laid over each other in bands of so many pixels: what that takes beside the result
# stays small.
BAND_PIXELS = 1_000_000
RESAMPLING = Image.Resampling.LANCZOS
REACH_PX = 3  # of the resampling, in pixels of the result or of the picture, whichever are larger
REDUCING_GAP = 2.0

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

    def reduced(self, shrinking: int) -> "Layer":
        """With so many times fewer pixels a side; the last of them may reach beyond the original."""
        small = self.picture.reduce(shrinking)
        return Layer(small, self.in_original((0, 0, small.width * shrinking, small.height * shrinking)))

    def on_canvas(self, place: Placement) -> tuple[Image.Image, Point]:
        """The picture as large as the canvas has it, and where its upper left corner is."""
        left, top, right, bottom = place.on_canvas(self.bounds)
        box = self.in_picture(place.in_original((left, top, right, bottom)))
        return resized(self.picture, (right - left, bottom - top), box), (left, top)


def resized(picture: Image.Image, size: Size, box: Bounds) -> Image.Image:
    """What the box holds of a picture, as large as `size`; the picture itself where that is all of it as it is."""
    left, top, right, bottom = (round(edge) for edge in box)
    is_aligned = all(abs(edge - round(edge)) < 1e-6 for edge in box)
    if is_aligned and (right - left, bottom - top) == size:
        return picture if size == picture.size else picture.crop((left, top, right, bottom))
    scale = (box[3] - box[1]) / size[1]
    if size[0] * size[1] <= BAND_PIXELS or scale >= 2 * REDUCING_GAP:  # then it is reduced before, as a whole
        return _resampled(picture, size, box)
    result = Image.new(picture.mode, size)
    for _, top, _, bottom in bands((0, 0, *size)):
        rows = (box[1] + top * scale, box[1] + bottom * scale)
        reach = REACH_PX * max(scale, 1) + 1
        first, last = max(0, floor(rows[0] - reach)), min(picture.height, ceil(rows[1] + reach))
        part = picture.crop((0, first, picture.width, last))
        source = (box[0], rows[0] - first, box[2], min(rows[1] - first, part.height))
        result.paste(_resampled(part, (size[0], bottom - top), source), (0, top))
    return result


def _resampled(picture: Image.Image, size: Size, box: Bounds) -> Image.Image:
    if picture.mode == "RGBA":  # multiplied, so that no colour comes in from transparent pixels
        return _resampled(picture.convert("RGBa"), size, box).convert("RGBA")
    return picture.resize(size, RESAMPLING, box, reducing_gap=REDUCING_GAP)


def bands(box: Box) -> Iterator[Box]:
    left, top, right, bottom = box
    rows = max(1, BAND_PIXELS // (right - left))
    for start in range(top, bottom, rows):
        yield left, start, right, min(start + rows, bottom)


def visible_box(alpha: Image.Image) -> Box | None:
    """Around what is not faint; if all is, around that. None where alpha is 0 throughout."""
    seen = alpha.point([0] * FAINT + [255] * (256 - FAINT))
    return seen.getbbox() or alpha.getbbox()
