"""One image's way through the engine: decode, resize, inference, matte, compose, encode."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from PIL import Image

from processing.engine import compose, encode, matte
from processing.engine.decode import Decoded, Limits, decode
from processing.engine.options import Options
from processing.engine.sessions import Session, SessionCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`is_empty`: no foreground was found, the picture is transparent throughout.

    `preview` stands in for an original that browsers cannot show. Timings are in milliseconds, by stage.
    """

    data: bytes
    media_type: str
    width: int
    height: int
    original_format: str
    provider: str
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


def cutout(data: bytes, options: Options, *, sessions: SessionCache, limits: Limits) -> Result:
    """Raises an ImageError or a ModelError."""
    watch = Stopwatch()
    with watch.stage("decode"):
        decoded = decode(data, limits)
    with watch.stage("load"):
        session = sessions.get(options.model)
    found = _matte(decoded.rgb, options, session, watch)
    with watch.stage("preview"):
        preview = None if decoded.info.format.browsers_show_it else encode.preview(decoded.rgb)
    with watch.stage("compose"):
        picture, is_empty = _composed(decoded, found, options)
    with watch.stage("encode"):
        encoded, thumbnail = encode.png(picture), encode.thumbnail(picture)
    return Result(
        data=encoded,
        media_type="image/png",
        width=decoded.info.width,
        height=decoded.info.height,
        original_format=decoded.info.format,
        provider=session.provider.name,
        model_version=session.version.version,
        is_empty=is_empty,
        thumbnail=thumbnail,
        preview=preview,
        timings_ms=watch.timings_ms,
    )


def _matte(rgb: Image.Image, options: Options, session: Session, watch: Stopwatch) -> Image.Image:
    with watch.stage("resize"):
        batch = matte.network_input(rgb, session.model)
    with watch.stage("inference"):
        prediction = session.predict(batch)
    with watch.stage("matte"):
        found = matte.full_size_matte(prediction, session.model, rgb.size)
        return matte.smoothed(found) if options.post_process_mask else found


def _composed(decoded: Decoded, found: Image.Image, options: Options) -> tuple[Image.Image, bool]:
    """The picture, and whether it is empty. As with rembg, refinement is for cutouts, not for masks."""
    rgb = decoded.rgb
    if options.output == "cutout" and (options.alpha_matting or options.decontaminate_edges):
        from processing.engine import refine  # slow to import, and rarely needed

        if options.alpha_matting:
            trimap = refine.Trimap(
                foreground_threshold=options.alpha_matting_foreground_threshold,
                background_threshold=options.alpha_matting_background_threshold,
                erode_px=options.alpha_matting_erode_size,
            )
            found = refine.refined_alpha(rgb, found, trimap)
        rgb = refine.with_foreground_colours(rgb, found)
    alpha = compose.combined(found, decoded.alpha)
    is_empty = alpha.getextrema() == (0, 0)
    if options.output == "mask":
        return alpha, is_empty
    picture = compose.cut(rgb, alpha)
    if options.background is not None:
        picture = compose.on_background(picture, options.background)
    return picture, is_empty
