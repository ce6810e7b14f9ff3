"""One image's way through the engine, in the stages that its timings name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from PIL import Image

from processing.engine import backgrounds, catalog, compose, encode, matte, placement, refine
from processing.engine.decode import ImageInfo, Limits, decode
from processing.engine.errors import NoForeground
from processing.engine.foreground import with_foreground_colours
from processing.engine.layers import Layer, visible_box
from processing.engine.options import Options
from processing.engine.placement import Box, Size
from processing.engine.sessions import Session, SessionCache

# Around the foreground, as a share of its longer side: from there come the background's colours in its edges.
SURROUNDINGS = 1 / 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`is_empty`: no foreground was found; the picture is transparent, or shows nothing but its background.

    `width` and `height` are the original's, `foreground_box` is (left, top, width, height) in the result. `preview`
    stands in for an original that browsers cannot show. Timings are in milliseconds, by stage.
    """

    data: bytes
    media_type: str
    width: int
    height: int
    result_width: int
    result_height: int
    foreground_box: tuple[int, int, int, int] | None
    original_format: str
    provider: str
    precision: str
    model_version: str
    is_empty: bool
    thumbnail: bytes
    preview: bytes | None
    timings_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Stopwatch:
    timings_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = perf_counter()
        yield
        self.timings_ms[name] = round((perf_counter() - started) * 1000, 1)


def cutout(
    data: bytes, options: Options, *, sessions: SessionCache, limits: Limits, background: bytes | None = None
) -> Result:
    """`background` is the file for the option background_image. Raises an ImageError, InvalidOption or a ModelError."""
    watch = Stopwatch()
    with watch.stage("decode"):
        decoded = decode(data, limits, enough=lambda info: _enough(info, options))
    info, size = decoded.info, (decoded.info.width, decoded.info.height)
    exif = decoded.exif if options.metadata == "keep" else b""
    original = Layer(decoded.rgb, (0, 0, *size))
    region = original.pixels(placement.region(options, size))
    with watch.stage("load"):
        session = sessions.get(options.model)
    found = _matte(original.cropped(region).picture, options, session, watch)
    with watch.stage("preview"):
        preview = None if info.format.browsers_show_it else encode.preview(decoded.rgb)
    with watch.stage("place"):
        alpha = compose.combined(compose.spread(found, region, decoded.rgb.size), decoded.alpha)
        box = alpha.getbbox()
        if box is None and options.require_foreground:
            raise NoForeground
        seen = visible_box(alpha)
        bounds = original.in_original(seen) if seen else None
        place = placement.placed(options, size, bounds)
    with watch.stage("background"):
        blurred = backgrounds.out_of_focus(original, alpha, place, options)
    with watch.stage("edges"):
        subject = _subject(original, alpha, box, options) if box else None
    del decoded, original, found, alpha  # each as large as the image; the result may be as large again
    with watch.stage("compose"):
        behind = backgrounds.canvas(options, place, blurred=blurred, file=background, limits=limits)
        picture = compose.composed(subject, place, options, behind=behind)
    del subject, behind, blurred
    with watch.stage("encode"):
        file_format = _file_format(picture, options)
        encoded = _encoded(picture, file_format, options, exif)
        thumbnail = encode.thumbnail(picture)
    return Result(
        data=encoded,
        media_type=encode.media_type(file_format),
        width=info.width,
        height=info.height,
        result_width=picture.width,
        result_height=picture.height,
        foreground_box=_extent(place.on_canvas(bounds)) if bounds else None,
        original_format=info.format,
        provider=session.provider.name,
        precision=session.precision,
        model_version=session.version.version,
        is_empty=box is None,
        thumbnail=thumbnail,
        preview=preview,
        timings_ms=watch.timings_ms,
    )


def _enough(info: ImageInfo, options: Options) -> Size | None:
    """The pixels that the result or the network can use, if that may be less than all."""
    if not (options.max_pixels or options.width or options.height):
        return None
    used = placement.enough(options, (info.width, info.height))
    seen_px = 2 * catalog.read()[options.model].input_px  # with fewer pixels its matte would differ visibly
    return used and (max(used[0], seen_px), max(used[1], seen_px))


def _matte(rgb: Image.Image, options: Options, session: Session, watch: Stopwatch) -> Image.Image:
    with watch.stage("resize"):
        batch = matte.network_input(rgb, session.model)
    with watch.stage("inference"):
        prediction = session.predict(batch)
    with watch.stage("matte"):
        found = matte.full_size_matte(prediction, session.model, rgb.size)
    with watch.stage("refine"):
        return _refined(rgb, found, options)


def _refined(rgb: Image.Image, found: Image.Image, options: Options) -> Image.Image:
    """As with rembg, alpha matting is for cutouts, not for masks."""
    if options.refine:
        found = refine.refined(rgb, found)
    if options.post_process_mask:
        found = matte.smoothed(found)
    if options.alpha_matting and options.output == "cutout":
        trimap = refine.Trimap(
            foreground_threshold=options.alpha_matting_foreground_threshold,
            background_threshold=options.alpha_matting_background_threshold,
            erode_px=options.alpha_matting_erode_size,
        )
        found = refine.refined_alpha(rgb, found, trimap)
    return found


def _subject(original: Layer, alpha: Image.Image, box: Box, options: Options) -> Layer:
    """The foreground, RGBA or, as a mask, L, and no more of the image than it needs."""
    box = _with_surroundings(box, alpha.size)
    mask = Layer(alpha, original.bounds).cropped(box)
    if options.output == "mask":
        return mask
    colours = original.cropped(box).picture
    if options.edges == "clean":
        colours = with_foreground_colours(colours, mask.picture)
    return Layer(compose.cut(colours, mask.picture), mask.bounds)


def _with_surroundings(box: Box, size: Size) -> Box:
    left, top, right, bottom = box
    more = round(max(right - left, bottom - top) * SURROUNDINGS) + 1
    return max(0, left - more), max(0, top - more), min(size[0], right + more), min(size[1], bottom + more)


def _file_format(picture: Image.Image, options: Options) -> str:
    if options.format != "auto":
        return options.format
    return "jpeg" if options.output == "cutout" and compose.is_opaque(picture) else "png"


def _encoded(picture: Image.Image, file_format: str, options: Options, exif: bytes) -> bytes:
    if file_format == "zip":
        alpha = picture.getchannel("A")
        return encode.zipped(compose.colours(picture, alpha), alpha, dpi=options.dpi, exif=exif)
    if file_format == "jpeg":
        picture = compose.flat(picture)
    return encode.encoded(
        picture, file_format, quality=options.quality, lossless=options.lossless, dpi=options.dpi, exif=exif
    )


def _extent(box: Box) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    return left, top, right - left, bottom - top
