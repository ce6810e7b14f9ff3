"""One image's way through the engine, with real networks."""

from io import BytesIO

import numpy as np
import pytest
import skimage.data
from PIL import Image

from processing.engine.cutout import Result, cutout
from processing.engine.decode import Limits
from processing.engine.errors import NotAnImage, TooManyPixels
from processing.engine.options import Options
from processing.engine.sessions import SessionCache
from tests.engine.drawings import quadrants, saved

PHOTOGRAPH = Image.fromarray(skimage.data.chelsea())  # type: ignore[no-untyped-call]


def cut(image: Image.Image | bytes, sessions: SessionCache, **options: object) -> Result:
    data = image if isinstance(image, bytes) else saved(image, "PNG")
    return cutout(data, Options.parse({"model": "u2netp", **options}), sessions=sessions, limits=Limits())


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def channels(image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.asarray(image)
    return pixels[:, :, :3], pixels[:, :, 3]


def test_a_cutout_is_the_image_with_the_matte_as_its_alpha(sessions: SessionCache) -> None:
    picture = opened(cut(PHOTOGRAPH, sessions).data)
    mask = opened(cut(PHOTOGRAPH, sessions, output="mask").data)
    assert (picture.mode, picture.size, mask.mode) == ("RGBA", PHOTOGRAPH.size, "L")
    colours, alpha = channels(picture)
    assert np.array_equal(alpha, np.asarray(mask))
    assert np.array_equal(colours[alpha > 0], np.asarray(PHOTOGRAPH)[alpha > 0])
    assert not colours[alpha == 0].any()


def test_the_same_image_and_options_give_the_same_bytes(sessions: SessionCache) -> None:
    assert cut(PHOTOGRAPH, sessions).data == cut(PHOTOGRAPH, sessions).data


def test_the_result_says_how_it_was_made(sessions: SessionCache) -> None:
    result = cut(saved(PHOTOGRAPH, "JPEG"), sessions)
    assert (result.width, result.height, result.original_format) == (*PHOTOGRAPH.size, "JPEG")
    assert (result.media_type, result.provider, result.model_version) == ("image/png", "cpu", "1")
    assert not result.is_empty
    assert {"decode", "resize", "inference", "matte", "compose", "encode"} <= result.timings_ms.keys()
    assert all(timing >= 0 for timing in result.timings_ms.values())


def test_a_thumbnail_fits_its_square(sessions: SessionCache) -> None:
    thumbnail = opened(cut(PHOTOGRAPH, sessions).thumbnail)
    assert (thumbnail.format, max(thumbnail.size)) == ("WEBP", 320)


@pytest.mark.parametrize(
    ("file_format", "has_preview"), [("PNG", False), ("AVIF", False), ("TIFF", True), ("HEIF", True)]
)
def test_there_is_a_preview_where_browsers_need_one(
    file_format: str, has_preview: bool, sessions: SessionCache
) -> None:
    preview = cut(saved(quadrants((2000, 500)), file_format), sessions).preview
    assert (preview is not None) == has_preview
    if preview is not None:
        assert (opened(preview).format, opened(preview).size) == ("JPEG", (1600, 400))


def test_what_was_transparent_stays_so(sessions: SessionCache) -> None:
    image = PHOTOGRAPH.convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 225, 300))
    before, after = (channels(opened(cut(each, sessions).data))[1] for each in (PHOTOGRAPH, image))
    assert before[:, :225].any()
    assert not after[:, :225].any()
    assert after[:, 225:].any()


def test_a_plain_picture_gives_an_empty_cutout(sessions: SessionCache) -> None:
    result = cut(Image.new("RGB", (80, 60), "white"), sessions)
    assert result.is_empty
    assert opened(result.data).getextrema() == ((0, 0),) * 4


def test_a_background_fills_what_was_cut_away(sessions: SessionCache) -> None:
    colours, alpha = channels(opened(cut(PHOTOGRAPH, sessions, background="10,20,30,255").data))
    was = channels(opened(cut(PHOTOGRAPH, sessions).data))[1]
    assert (alpha == 255).all()
    assert (colours[was == 0] == (10, 20, 30)).all()
    assert np.array_equal(colours[was == 255], np.asarray(PHOTOGRAPH)[was == 255])


def test_a_post_processed_mask_is_black_and_white(sessions: SessionCache) -> None:
    mask = opened(cut(PHOTOGRAPH, sessions, output="mask", post_process_mask=True).data)
    assert set(np.unique(np.asarray(mask))) == {0, 255}


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 5)])
def test_it_takes_the_smallest_and_the_thinnest_images(size: tuple[int, int], sessions: SessionCache) -> None:
    result = cut(PHOTOGRAPH.resize(size), sessions, alpha_matting=True)
    assert opened(result.data).size == size


def test_refinement_sharpens_the_outline(sessions: SessionCache) -> None:
    raw, refined = (
        channels(opened(cut(PHOTOGRAPH, sessions, alpha_matting=matting).data))[1] for matting in (False, True)
    )
    assert (raw != refined).any()
    assert np.abs(raw / 255 - refined / 255).mean() < 0.1


def test_decontamination_changes_colours_along_the_outline_only(sessions: SessionCache) -> None:
    colours, alpha = channels(opened(cut(PHOTOGRAPH, sessions, decontaminate_edges=True).data))
    before = np.asarray(PHOTOGRAPH)
    assert np.array_equal(colours[alpha == 255], before[alpha == 255])
    outline = (alpha > 0) & (alpha < 255)
    assert (colours[outline] != before[outline]).any()


def test_a_refused_image_never_reaches_a_network() -> None:
    class Untouched(SessionCache):
        def get(self, name: str) -> None:  # type: ignore[override]
            raise AssertionError(name)

    sessions = Untouched()
    with pytest.raises(NotAnImage):
        cut(b"no image", sessions)
    with pytest.raises(TooManyPixels):
        cut(saved(Image.new("1", (8_000, 8_000)), "PNG"), sessions)
