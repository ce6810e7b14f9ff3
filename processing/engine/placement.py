"""Where an image lands on the canvas of its result: region of interest, crop, scale, position, size and padding.

Geometry only, so that a web process can foresee a result's size. Boxes are (left, top, right, bottom) in pixels.
"""

from dataclasses import dataclass
from math import ceil, floor, sqrt

from processing.engine.errors import RoiExceedsBounds, RoiRegionEmpty
from processing.engine.kinds import ORIGINAL, Length
from processing.engine.options import MAX_CANVAS_PIXELS, MAX_CANVAS_SIDE_PX, Options, refusal, require_side

Size = tuple[int, int]
Box = tuple[int, int, int, int]
Bounds = tuple[float, float, float, float]
Span = tuple[float, float]

_CENTRE = (Length(50, is_percent=True),) * 2


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction: what is at x in the original is at x * scale + offset on the canvas of `length` pixels."""

    length: int
    scale: float
    offset: float

    def on_canvas(self, start: float, end: float) -> tuple[int, int]:
        """The pixels of the canvas that this part of the original touches; at least one."""
        first = min(max(floor(start * self.scale + self.offset + 1e-6), 0), self.length - 1)
        return first, max(first + 1, min(ceil(end * self.scale + self.offset - 1e-6), self.length))

    def in_original(self, start: int, end: int) -> Span:
        return (start - self.offset) / self.scale, (end - self.offset) / self.scale

    def resized(self, length: int) -> "Axis":
        factor = length / self.length
        return Axis(length, self.scale * factor, self.offset * factor)


@dataclass(frozen=True, slots=True)
class Placement:
    horizontal: Axis
    vertical: Axis

    @property
    def size(self) -> Size:
        return self.horizontal.length, self.vertical.length

    def on_canvas(self, box: Bounds) -> Box:
        left, right = self.horizontal.on_canvas(box[0], box[2])
        top, bottom = self.vertical.on_canvas(box[1], box[3])
        return left, top, right, bottom

    def in_original(self, box: Box) -> Bounds:
        left, right = self.horizontal.in_original(box[0], box[2])
        top, bottom = self.vertical.in_original(box[1], box[3])
        return left, top, right, bottom


def check(options: Options, size: Size) -> None:
    """Refuses what an original of this size (width, height) cannot have, as far as that can be known before.

    Raises InvalidOption, RoiExceedsBounds or RoiRegionEmpty.
    """
    region(options, size)
    if options.crop:
        return
    require_side(placed(options, size, None).size, options.format)
    if options.max_pixels:
        return
    width, height = (axis.length for axis in _axes(options, size, None))
    if placed(options, size, None).size != (width, height):
        option = next(name for name in ("width", "height", "padding") if getattr(options, name))
        raise refusal(option, f"The result would be {width:,} by {height:,} pixels, too large. Make {option} smaller.")


def region(options: Options, size: Size) -> Box:
    """The region of interest. Raises RoiExceedsBounds or RoiRegionEmpty."""
    if options.roi is None:
        return 0, 0, *size
    wholes = (*size, *size)
    left, top, right, bottom = (round(edge.of(whole)) for edge, whole in zip(options.roi, wholes, strict=True))
    if max(left, right) > size[0] or max(top, bottom) > size[1]:
        raise refusal("roi", f"roi must lie within the image of {size[0]} by {size[1]} pixels.", RoiExceedsBounds)
    if left >= right or top >= bottom:
        raise refusal("roi", "roi must be x1 y1 x2 y2 with x1 left of x2 and y1 above y2.", RoiRegionEmpty)
    return left, top, right, bottom


def enough(options: Options, size: Size) -> Size | None:
    """The size of the whole original in the result; None where that depends on the foreground, or where a region of it
    is looked at more closely."""
    if options.crop or options.scale or options.roi:
        return None
    place = placed(options, size, None)
    return ceil(size[0] * place.horizontal.scale), ceil(size[1] * place.vertical.scale)


def placed(options: Options, size: Size, subject: Bounds | None) -> Placement:
    """`size` is the original's, `subject` the box of its foreground.

    Without a foreground nothing is cropped, scaled or moved. What would be larger than the largest canvas, and than
    the original, is made smaller as a whole.
    """
    horizontal, vertical = _axes(options, size, subject)
    width, height = _bounded(horizontal.length, vertical.length, options, size)
    return Placement(horizontal.resized(width), vertical.resized(height))


def _bounded(width: int, height: int, options: Options, original: Size) -> Size:
    most_pixels = min(options.max_pixels or width * height, max(MAX_CANVAS_PIXELS, original[0] * original[1]))
    longest = max(MAX_CANVAS_SIDE_PX, *original)
    shrink = min(1.0, sqrt(most_pixels / (width * height)), longest / max(width, height))
    if shrink == 1.0:
        return width, height
    width, height = max(1, floor(width * shrink)), max(1, floor(height * shrink))
    height = min(height, max(1, most_pixels // width))  # of something very thin, one side is a pixel already
    return min(width, max(1, most_pixels // height)), height


@dataclass(frozen=True, slots=True)
class _Direction:
    """What the options say of one direction. Spans are of the original; `share` is the subject's position, if any."""

    given_px: int | None
    padding: tuple[Length, Length]
    frame: Span
    subject: Span
    share: Length | None

    def room(self, fit: float) -> tuple[int, int, int]:
        """The canvas' length, where its padding ends, and the length between the paddings."""
        whole = self.given_px or max(1, round(_length(self.frame) * fit))
        before, after = (floor(side.of(whole)) for side in self.padding)
        return (whole, before, whole - before - after) if self.given_px else (before + whole + after, before, whole)

    def fit(self) -> float:
        """The scale at which the frame fills the room."""
        return self.room(1)[2] / _length(self.frame)

    def axis(self, *, fit: float, scale: float) -> Axis:
        length, start, inner = self.room(fit)
        free = inner - _length(self.subject) * scale
        if self.share is not None:
            at = self.share.of(free)
        else:  # its centre stays where the frame, itself in the middle, has it
            middle = (inner + fit * (sum(self.subject) - sum(self.frame))) / 2
            at = min(max(middle - _length(self.subject) * scale / 2, 0), free)
        offset = start + at - self.subject[0] * scale
        return Axis(length, scale, round(offset) if scale == 1 else offset)


def _length(span: Span) -> float:
    return span[1] - span[0]


def _axes(options: Options, size: Size, subject: Bounds | None) -> tuple[Axis, Axis]:
    horizontal, vertical = _directions(options, size, subject)
    fit = min((each.fit() for each in (horizontal, vertical) if each.given_px), default=1.0)
    scale = fit
    if subject is not None and options.scale is not None:
        scale = options.scale.of(min(each.room(fit)[2] / _length(each.subject) for each in (horizontal, vertical)))
    return horizontal.axis(fit=fit, scale=scale), vertical.axis(fit=fit, scale=scale)


def _directions(options: Options, size: Size, subject: Bounds | None) -> tuple[_Direction, _Direction]:
    frame = _frame(options, size, subject)
    left, top, right, bottom = subject or frame
    pad_top, pad_right, pad_bottom, pad_left = options.padding
    position = options.position or (_CENTRE if options.scale else ORIGINAL)
    across, down = position if subject and isinstance(position, tuple) else (None, None)
    return (
        _Direction(options.width, (pad_left, pad_right), (frame[0], frame[2]), (left, right), across),
        _Direction(options.height, (pad_top, pad_bottom), (frame[1], frame[3]), (top, bottom), down),
    )


def _frame(options: Options, size: Size, subject: Bounds | None) -> Bounds:
    """The part of the original that the canvas shows; margins may reach beyond the image."""
    if subject is None or not options.crop:
        return 0, 0, *size
    left, top, right, bottom = subject
    margin_top, margin_right, margin_bottom, margin_left = options.crop_margin
    width, height = right - left, bottom - top
    return (
        left - round(margin_left.of(width)),
        top - round(margin_top.of(height)),
        right + round(margin_right.of(width)),
        bottom + round(margin_bottom.of(height)),
    )
