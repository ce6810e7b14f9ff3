"""The files that come out, as other programs read them."""

import zipfile
from io import BytesIO

import numpy as np
import pytest
import skimage.data
from PIL import ExifTags, Image

from processing.engine import encode
from processing.engine.errors import InvalidOption
from processing.engine.options import MAX_FORMAT_SIDE_PX

PHOTOGRAPH = Image.fromarray(skimage.data.chelsea())  # type: ignore[no-untyped-call]
ALPHA = Image.linear_gradient("L").resize(PHOTOGRAPH.size)
FORMATS = ("png", "webp", "jpeg", "avif")


def cutout() -> Image.Image:
    image = PHOTOGRAPH.copy()
    image.putalpha(ALPHA)
    return image


def encoded(
    picture: Image.Image,
    file_format: str,
    *,
    quality: int = 85,
    lossless: bool = False,
    dpi: int | None = None,
    exif: bytes = b"",
) -> bytes:
    return encode.encoded(picture, file_format, quality=quality, lossless=lossless, dpi=dpi, exif=exif)


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (451, 300), (300_000, 3)])
def test_a_png_holds_exactly_the_pixels(mode: str, size: tuple[int, int]) -> None:
    picture = cutout().resize(size).convert(mode)
    found = opened(encoded(picture, "png"))
    assert (found.format, found.mode) == ("PNG", mode)
    assert np.array_equal(np.asarray(found), np.asarray(picture))


def test_a_png_of_several_bands_has_no_seams() -> None:
    picture = Image.effect_noise((1_100, 1_100), 80)
    assert np.array_equal(np.asarray(opened(encoded(picture, "png"))), np.asarray(picture))


def test_a_png_of_a_cutout_is_no_larger_than_pillows_quick_one() -> None:
    picture, pillows = cutout(), BytesIO()
    picture.paste((0, 0, 0, 0), (0, 0, 451, 150))
    picture.save(pillows, "PNG", compress_level=1)
    assert len(encoded(picture, "png")) < 1.05 * len(pillows.getvalue())


@pytest.mark.parametrize("file_format", ["webp", "avif"])
def test_lossy_formats_keep_colours_and_transparency(file_format: str) -> None:
    found = opened(encoded(cutout(), file_format))
    assert (found.format, found.mode, found.size) == (file_format.upper(), "RGBA", PHOTOGRAPH.size)
    assert difference(found, cutout()) < 6
    assert difference(found.getchannel("A"), ALPHA) < 1


def test_a_jpeg_keeps_the_colours() -> None:
    found = opened(encoded(PHOTOGRAPH, "jpeg"))
    assert (found.format, found.mode) == ("JPEG", "RGB")
    assert difference(found, PHOTOGRAPH) < 4


def test_a_lossless_webp_loses_nothing_that_can_be_seen() -> None:
    found = np.asarray(opened(encoded(cutout(), "webp", lossless=True)))
    seen = found[:, :, 3] > 0
    assert np.array_equal(found[seen], np.asarray(cutout())[seen])


@pytest.mark.parametrize("file_format", ["webp", "jpeg", "avif"])
def test_a_better_quality_is_a_larger_file(file_format: str) -> None:
    low, high = (len(encoded(PHOTOGRAPH, file_format, quality=quality)) for quality in (20, 95))
    assert low < high / 2


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_mask_is_grey_or_looks_it(file_format: str) -> None:
    assert difference(opened(encoded(ALPHA, file_format)).convert("L"), ALPHA) < 2


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_file_says_nothing_unasked(file_format: str) -> None:
    found = opened(encoded(PHOTOGRAPH, file_format))
    assert not found.getexif()
    assert not {"icc_profile", "xmp", "comment", "dpi"} & found.info.keys()


@pytest.mark.parametrize("file_format", FORMATS)
def test_resolution_and_exif_go_along_when_asked_for(file_format: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "Camera"
    found = opened(encoded(PHOTOGRAPH, file_format, dpi=300, exif=exif.tobytes()))
    assert found.getexif()[ExifTags.Base.Model] == "Camera"
    assert found.getexif()[ExifTags.Base.XResolution] == 300
    if file_format in ("png", "jpeg"):
        assert [round(dpi) for dpi in found.info["dpi"]] == [300, 300]


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_same_picture_gives_the_same_bytes(file_format: str) -> None:
    assert encoded(PHOTOGRAPH, file_format) == encoded(PHOTOGRAPH, file_format)


def test_a_picture_that_is_too_long_for_its_format_is_refused() -> None:
    long = Image.new("RGB", (MAX_FORMAT_SIDE_PX["webp"] + 1, 1))
    with pytest.raises(InvalidOption, match="16,383 pixels a side"):
        encoded(long, "webp")
    assert opened(encoded(long, "png")).size == long.size


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(InvalidOption, match="png, webp, jpeg, avif"):
        encoded(PHOTOGRAPH, "gif")


def test_a_zip_holds_colours_and_alpha_from_which_the_cutout_is_made() -> None:
    data = encode.zipped(PHOTOGRAPH, ALPHA, dpi=300, exif=b"")
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["color.jpg", "alpha.png"]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        colour, alpha = (opened(archive.read(name)) for name in archive.namelist())
    assert difference(colour, PHOTOGRAPH) < 3
    assert np.array_equal(np.asarray(alpha), np.asarray(ALPHA))
    assert colour.info["dpi"] == (300, 300)
    assert data == encode.zipped(PHOTOGRAPH, ALPHA, dpi=300, exif=b"")


def test_each_format_has_its_media_type() -> None:
    types = [encode.media_type(file_format) for file_format in (*FORMATS, "zip")]
    assert types == ["image/png", "image/webp", "image/jpeg", "image/avif", "application/zip"]


@pytest.mark.parametrize("size", [(4_000, 3_000), (3_000, 4_000), (800, 600), (100, 80), (5_000, 1), (1, 1)])
def test_a_thumbnail_fits_its_square(size: tuple[int, int]) -> None:
    found = opened(encode.thumbnail(cutout().resize(size)))
    scale = min(1, 320 / max(size))
    assert found.size == tuple(max(1, round(side * scale)) for side in size)
    assert found.mode == "RGBA"


def test_a_thumbnail_of_a_large_picture_looks_like_it() -> None:
    found = opened(encode.thumbnail(PHOTOGRAPH.resize((3_608, 2_400)))).convert("RGB")
    assert difference(found, PHOTOGRAPH.resize(found.size, Image.Resampling.LANCZOS)) < 5


def test_a_preview_is_a_jpeg_that_fits_a_screen() -> None:
    found = opened(encode.preview(PHOTOGRAPH.resize((4_000, 1_000))))
    assert (found.format, found.size) == ("JPEG", (1_600, 400))
