"""One image's way through the engine, with real networks."""

from io import BytesIO
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import skimage.data
from PIL import Image

from processing.engine.cutout import Result, cutout
from processing.engine.decode import Limits
from processing.engine.errors import NotAnImage, RoiExceedsBounds, TooManyPixels
from processing.engine.layers import visible_box
from processing.engine.options import Options
from processing.engine.sessions import SessionCache
from tests.engine.drawings import colour_at, is_close, quadrants, saved

PHOTOGRAPH = Image.fromarray(skimage.data.chelsea())  # type: ignore[no-untyped-call]


def cut(image: Image.Image | bytes, sessions: SessionCache, *, behind: bytes | None = None, **options: Any) -> Result:
    data = image if isinstance(image, bytes) else saved(image, "PNG")
    parsed = Options.parse({"model": "u2netp", **options})
    return cutout(data, parsed, sessions=sessions, limits=Limits(), background=behind)


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def channels(image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.asarray(image)
    return pixels[:, :, :3], pixels[:, :, 3]


def test_a_cutout_is_the_image_with_the_matte_as_its_alpha(sessions: SessionCache) -> None:
    picture = opened(cut(PHOTOGRAPH, sessions, edges="raw").data)
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
    assert all(timing >= 0 for timing in result.timings_ms.values())


def test_the_page_of_a_job_shows_every_stage_in_its_order(sessions: SessionCache) -> None:
    from processing.views import STAGES  # needs Django, unlike the rest here

    assert (*cut(PHOTOGRAPH, sessions).timings_ms, "store") == STAGES


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


@pytest.mark.parametrize("size", [(1, 1), (1, 5_000), (5_000, 1), (7, 5)])
@pytest.mark.parametrize("matting", ["refine", "alpha_matting"])
def test_it_takes_the_smallest_and_the_thinnest_images(
    size: tuple[int, int], matting: str, sessions: SessionCache
) -> None:
    result = cut(PHOTOGRAPH.resize(size), sessions, **dict[str, Any]({matting: True}))
    assert opened(result.data).size == size


COMPOSITIONS: list[dict[str, Any]] = [
    {"crop": True, "crop_margin": "50% 500px", "shadow": "contact"},
    {"scale": "100%", "position": "0% 100%", "background_blur": "10%"},
    {"width": 300, "height": 200, "padding": "10%", "shadow": "drop", "background": "#0af8"},
    {"max_pixels": 400, "background_image": True},
    {"roi": "0 0 100% 100%", "crop": True, "output": "mask"},
    {"format": "zip", "shadow": "drop"},
]


@pytest.mark.parametrize("size", [(1, 1), (1, 5_000), (5_000, 1)])
@pytest.mark.parametrize("options", COMPOSITIONS, ids=str)
def test_any_composition_takes_them_too(size: tuple[int, int], options: dict[str, Any], sessions: SessionCache) -> None:
    result = cut(PHOTOGRAPH.resize(size), sessions, behind=saved(PHOTOGRAPH, "JPEG"), **options)
    assert result.result_width * result.result_height > 0


@pytest.mark.parametrize("options", COMPOSITIONS, ids=str)
def test_any_composition_takes_an_image_without_foreground(options: dict[str, Any], sessions: SessionCache) -> None:
    result = cut(Image.new("RGB", (80, 60), "white"), sessions, behind=saved(PHOTOGRAPH, "JPEG"), **options)
    assert (result.is_empty, result.foreground_box) == (True, None)
    if "width" not in options and "max_pixels" not in options:
        assert (result.result_width, result.result_height) == (80, 60)


@pytest.mark.parametrize("options", COMPOSITIONS, ids=str)
def test_a_composition_gives_the_same_bytes_again(options: dict[str, Any], sessions: SessionCache) -> None:
    first, second = (cut(PHOTOGRAPH, sessions, behind=saved(PHOTOGRAPH, "JPEG"), **options) for _ in range(2))
    assert first.data == second.data


@pytest.mark.parametrize("matting", ["refine", "alpha_matting"])
def test_refinement_changes_what_the_network_leaves_open_and_little_else(matting: str, sessions: SessionCache) -> None:
    raw, refined = (
        channels(opened(cut(PHOTOGRAPH, sessions, **given).data))[1].astype(int)
        for given in (dict[str, Any](), {matting: True})
    )
    is_open, is_sure = (raw > 30) & (raw < 225), (raw < 4) | (raw > 251)
    changes = np.abs(raw - refined)
    assert changes[is_open].mean() > 20
    assert changes[is_sure].mean() < 2


def test_clean_edges_have_other_colours_along_the_outline_only(sessions: SessionCache) -> None:
    colours, alpha = channels(opened(cut(PHOTOGRAPH, sessions).data))
    before = np.asarray(PHOTOGRAPH)
    assert np.array_equal(colours[alpha == 255], before[alpha == 255])
    outline = (alpha > 20) & (alpha < 235)
    assert (colours[outline] != before[outline]).mean() > 0.5


FILES = [
    ({"format": "png"}, "PNG", "RGBA", "image/png"),
    ({"format": "webp"}, "WEBP", "RGBA", "image/webp"),
    ({"format": "webp", "lossless": True}, "WEBP", "RGBA", "image/webp"),
    ({"format": "avif"}, "AVIF", "RGBA", "image/avif"),
    ({"format": "jpg"}, "JPEG", "RGB", "image/jpeg"),
    ({"format": "auto"}, "PNG", "RGBA", "image/png"),
    ({"format": "auto", "background": "red"}, "JPEG", "RGB", "image/jpeg"),
    ({"format": "auto", "background": "#f008"}, "PNG", "RGBA", "image/png"),
    ({"format": "auto", "output": "mask"}, "PNG", "L", "image/png"),
    ({"format": "jpeg", "output": "mask"}, "JPEG", "L", "image/jpeg"),
]


@pytest.mark.parametrize(("options", "file_format", "mode", "media_type"), FILES, ids=str)
def test_it_gives_the_file_that_was_asked_for(
    options: dict[str, Any], file_format: str, mode: str, media_type: str, sessions: SessionCache
) -> None:
    result = cut(PHOTOGRAPH, sessions, **options)
    picture = opened(result.data)
    assert (picture.format, picture.mode, result.media_type) == (file_format, mode, media_type)


def test_a_jpeg_is_white_where_nothing_is(sessions: SessionCache) -> None:
    picture = opened(cut(PHOTOGRAPH, sessions, format="jpeg", padding="20").data)
    assert is_close(colour_at(picture, 2, 2), (255, 255, 255), 3)


def test_a_zip_holds_colours_and_mask(sessions: SessionCache) -> None:
    result = cut(PHOTOGRAPH, sessions, format="zip")
    picture = opened(cut(PHOTOGRAPH, sessions).data)
    with ZipFile(BytesIO(result.data)) as archive:
        colour, alpha = (opened(archive.read(name)) for name in ("color.jpg", "alpha.png"))
    assert (result.media_type, colour.mode, alpha.mode) == ("application/zip", "RGB", "L")
    assert alpha.tobytes() == picture.getchannel("A").tobytes()
    together = colour.copy()
    together.putalpha(alpha)
    expected, found = (np.asarray(flat_on_white(image), float) for image in (picture, together))
    assert np.abs(expected - found).mean() < 2


def flat_on_white(picture: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def test_the_result_says_how_large_it_is_and_where_the_foreground_is(sessions: SessionCache) -> None:
    result = cut(PHOTOGRAPH, sessions, crop=True, crop_margin="10px 20px")
    alpha = channels(opened(result.data))[1]
    assert alpha.shape == (result.result_height, result.result_width)
    assert result.foreground_box == (20, 10, result.result_width - 40, result.result_height - 20)
    assert (result.width, result.height) == PHOTOGRAPH.size


def test_a_mask_fits_the_cutout(sessions: SessionCache) -> None:
    options: dict[str, Any] = {"crop": True, "crop_margin": "10%", "width": 333, "roi": "10% 0 90% 95%"}
    picture, mask = (opened(cut(PHOTOGRAPH, sessions, output=output, **options).data) for output in ("cutout", "mask"))
    assert np.array_equal(channels(picture)[1], np.asarray(mask))


def test_outside_the_region_of_interest_is_background(sessions: SessionCache) -> None:
    alpha = channels(opened(cut(PHOTOGRAPH, sessions, roi="100 50 300 250").data))[1].copy()
    assert alpha[50:250, 100:300].any()
    alpha[50:250, 100:300] = 0
    assert not alpha.any()


def test_a_region_of_interest_counts_in_the_upright_image(sessions: SessionCache) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = saved(PHOTOGRAPH.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    upright, turned = (cut(image, sessions, roi="100 50 100% 200") for image in (PHOTOGRAPH, lying))
    assert turned.data == upright.data


def test_a_region_of_interest_outside_the_image_is_refused(sessions: SessionCache) -> None:
    with pytest.raises(RoiExceedsBounds):
        cut(PHOTOGRAPH, sessions, roi="0 0 452 300")


def test_a_region_of_interest_in_a_preview_is_that_of_the_original(sessions: SessionCache) -> None:
    large = saved(PHOTOGRAPH.resize((3_608, 2_400)), "JPEG")
    result = cut(large, sessions, roi="800 400 2400 2000", max_pixels=40_000)
    assert (result.width, result.height) == (3_608, 2_400)
    box = visible_box(opened(result.data).getchannel("A"))
    assert box is not None
    left, top, right, bottom = (edge * 3_608 / result.result_width for edge in box)
    assert min(left - 800, top - 400) >= -20
    assert max(right - 2_400, bottom - 2_000) <= 20


def test_a_preview_looks_like_the_whole(sessions: SessionCache) -> None:
    large = saved(PHOTOGRAPH.resize((3_608, 2_400)), "JPEG", quality=95)
    whole, preview = (opened(cut(large, sessions, max_pixels=most).data) for most in (None, 250_000))
    smaller = np.asarray(flat_on_white(whole).resize(preview.size, Image.Resampling.LANCZOS), float)
    assert preview.width * preview.height <= 250_000
    assert np.abs(smaller - np.asarray(flat_on_white(preview), float)).mean() < 4


def test_the_original_out_of_focus_stays_in_place(sessions: SessionCache) -> None:
    picture = opened(cut(PHOTOGRAPH, sessions, background_blur="1%").data)
    alpha = channels(opened(cut(PHOTOGRAPH, sessions).data))[1]
    colours, opaque = channels(picture)
    assert (opaque == 255).all()
    before = np.asarray(PHOTOGRAPH, float)
    assert np.abs(colours - before)[alpha == 255].max() <= 1
    assert np.abs(colours - before)[alpha == 0].mean() < 25


@pytest.mark.parametrize(("metadata", "is_kept"), [("strip", False), ("keep", True)])
def test_metadata_is_kept_on_demand_only(metadata: str, is_kept: bool, sessions: SessionCache) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera maker"
    data = saved(PHOTOGRAPH, "JPEG", exif=exif)
    found = opened(cut(data, sessions, metadata=metadata, format="jpeg").data).getexif()
    assert (found.get(0x010F) == "A camera maker") == is_kept


def test_the_resolution_is_stated_on_demand(sessions: SessionCache) -> None:
    assert opened(cut(PHOTOGRAPH, sessions, format="jpeg", dpi=300).data).info["dpi"] == (300, 300)


def test_a_refused_image_never_reaches_a_network() -> None:
    class Untouched(SessionCache):
        def get(self, name: str) -> None:  # type: ignore[override]
            raise AssertionError(name)

    sessions = Untouched()
    with pytest.raises(NotAnImage):
        cut(b"no image", sessions)
    with pytest.raises(TooManyPixels):
        cut(saved(Image.new("1", (8_000, 8_000)), "PNG"), sessions)
