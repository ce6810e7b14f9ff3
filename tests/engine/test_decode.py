"""Every kind of image that people have comes out as upright 8-bit sRGB and an alpha channel."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from processing.engine.decode import Limits, decode, inspect
from processing.engine.formats import Format
from tests.engine.drawings import colour_at, corners, is_close, quadrants, saved

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.mark.parametrize(
    ("file_format", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"big_tiff": True}, 0),
        ("GIF", {}, 0),
        ("JPEG", {"quality": 95, "subsampling": 0}, 6),
        ("WEBP", {"lossless": True}, 0),
        ("HEIF", {"quality": 95}, 12),
        ("AVIF", {"quality": 95}, 12),
    ],
)
def test_it_reads_each_format(file_format: str, options: dict[str, object], tolerance: int, limits: Limits) -> None:
    data = saved(quadrants(), file_format, **options)
    decoded = decode(data, limits)
    assert decoded.info == inspect(data, limits)
    assert (decoded.info.format, decoded.rgb.mode, decoded.rgb.size) == (Format(file_format), "RGB", (64, 48))
    assert decoded.alpha is None
    for found, expected in zip(corners(decoded.rgb), (RED, GREEN, BLUE, WHITE), strict=True):
        assert is_close(found, expected, tolerance)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_turns_an_image_upright(orientation: int, file_format: str, limits: Limits) -> None:
    upright = quadrants()
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the turn that makes it look as a camera stored it
    turned = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(turned, file_format, exif=exif.tobytes())
    info, decoded = inspect(data, limits), decode(data, limits)
    assert (info.width, info.height) == decoded.rgb.size == upright.size
    for found, expected in zip(corners(decoded.rgb), corners(upright), strict=True):
        assert is_close(found, expected, 40)


def test_it_turns_the_alpha_channel_too(limits: Limits) -> None:
    image = Image.new("RGBA", (30, 20), (1, 2, 3, 255))
    image.paste((1, 2, 3, 0), (0, 0, 30, 10))
    exif = Image.Exif()
    exif[0x0112] = 6
    alpha = decode(saved(image, "PNG", exif=exif.tobytes()), limits).alpha
    assert alpha is not None
    assert (alpha.size, alpha.getpixel((15, 15)), alpha.getpixel((5, 15))) == ((20, 30), 0, 255)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_it_makes_rgb_of_other_modes(mode: str, limits: Limits) -> None:
    image = quadrants().convert(mode)
    decoded = decode(saved(image, "PNG"), limits)
    assert np.array_equal(np.asarray(decoded.rgb), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_it_scales_deep_grey_instead_of_clipping_it(mode: str, limits: Limits) -> None:
    ramp = np.linspace(0, 1, 256).reshape(16, 16)
    white, kind = {"I;16": (65_535, np.uint16), "I": (65_535, np.int32), "F": (1, np.float32)}[mode]
    image = Image.fromarray((ramp * white).astype(kind))
    found = np.asarray(decode(saved(image, "TIFF"), limits).rgb)[:, :, 0]
    assert np.abs(found - ramp * 255).max() <= 1


def test_it_reads_a_16_bit_grey_png(limits: Limits) -> None:
    image = Image.fromarray(np.array([[0, 257, 32_896, 65_535]], np.uint16))
    assert np.asarray(decode(saved(image, "PNG"), limits).rgb)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_it_reads_a_16_bit_rgb_png(limits: Limits) -> None:
    rgb = decode(rgb_16_bit_png((0xFFFF, 0x8000, 0x0000)), limits).rgb
    assert is_close(colour_at(rgb, 1, 1), (255, 128, 0), 1)


def rgb_16_bit_png(colour: tuple[int, int, int], side: int = 4) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    row = b"\0" + struct.pack(">3H", *colour) * side
    header = struct.pack(">IIBBBBB", side, side, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * side)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_it_reads_cmyk_as_printers_mean_it(limits: Limits) -> None:
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    for file_format in ("JPEG", "TIFF"):
        assert is_close(colour_at(decode(saved(ink, file_format), limits).rgb, 8, 8), RED, 4)


def test_it_reads_lab(limits: Limits) -> None:
    lab = Image.new("LAB", (8, 8), (137, 208, 195))  # lightness of 255, a and b around 128
    assert is_close(colour_at(decode(saved(lab, "TIFF"), limits).rgb, 4, 4), RED, 40)


def test_it_converts_a_colour_profile_to_srgb(limits: Limits) -> None:
    image = Image.new("RGB", (16, 16), (200, 120, 40))
    swapped = decode(saved(image, "PNG", icc_profile=profile_with_swapped_primaries()), limits).rgb
    assert is_close(colour_at(swapped, 8, 8), (200, 40, 120), 6)


def profile_with_swapped_primaries() -> bytes:
    """sRGB with green and blue exchanged: nothing can pass for converted by chance."""
    content = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = content.replace(b"gXYZ", b"????").replace(b"bXYZ", b"gXYZ").replace(b"????", b"bXYZ")
    return content.replace("sRGB".encode("utf-16-be"), "RGB2".encode("utf-16-be")).replace(b"sRGB", b"RGB2")


def test_it_ignores_a_broken_colour_profile(limits: Limits) -> None:
    data = saved(quadrants(), "PNG", icc_profile=b"not a profile")
    assert corners(decode(data, limits).rgb) == [RED, GREEN, BLUE, WHITE]


def test_it_ignores_a_colour_profile_for_other_pixels(limits: Limits) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"sRGB", b"RGB2")
    data = saved(Image.new("L", (8, 8), 77), "PNG", icc_profile=srgb)
    assert colour_at(decode(data, limits).rgb, 4, 4) == (77, 77, 77)


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_it_keeps_transparency(file_format: str, limits: Limits) -> None:
    image = quadrants().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 32, 24))
    alpha = decode(saved(image, file_format), limits).alpha
    assert alpha is not None
    assert alpha.getpixel((10, 10)) == 0
    assert alpha.getpixel((50, 40)) == 255


def test_it_keeps_the_transparency_of_grey(limits: Limits) -> None:
    image = Image.new("LA", (8, 8), (90, 128))
    decoded = decode(saved(image, "PNG"), limits)
    assert decoded.alpha is not None
    assert (colour_at(decoded.rgb, 1, 1), decoded.alpha.getpixel((1, 1))) == ((90, 90, 90), 128)


@pytest.mark.parametrize("file_format", ["PNG", "GIF"])
def test_it_keeps_the_transparent_colour_of_a_palette(file_format: str, limits: Limits) -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(0, (0, 0, 4, 8))
    decoded = decode(saved(image, file_format, transparency=0), limits)
    assert decoded.alpha is not None
    assert (decoded.alpha.getpixel((1, 1)), decoded.alpha.getpixel((6, 6))) == (0, 255)
    assert colour_at(decoded.rgb, 6, 6) == GREEN


def test_an_opaque_alpha_channel_is_none(limits: Limits) -> None:
    assert decode(saved(quadrants().convert("RGBA"), "PNG"), limits).alpha is None


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "TIFF", "PNG", "AVIF"])
def test_it_takes_the_first_of_several_frames(file_format: str, limits: Limits) -> None:
    first, second = quadrants(), Image.new("RGB", (64, 48), "black")
    data = saved(first, file_format, save_all=True, append_images=[second, first])
    assert is_close(colour_at(decode(data, limits).rgb, 4, 4), RED, 12)


def test_it_reads_a_phones_multi_picture_jpeg(limits: Limits) -> None:
    file = BytesIO()
    quadrants().save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 48))], quality=95)
    decoded = decode(file.getvalue(), limits)
    assert decoded.info.format == Format.JPEG
    assert is_close(colour_at(decoded.rgb, 4, 4), RED, 6)


@pytest.mark.parametrize(
    ("enough", "size"), [((400, 300), (400, 300)), ((201, 151), (400, 300)), ((60, 40), (100, 75))]
)
def test_of_a_jpeg_it_unpacks_no_more_than_is_enough(
    enough: tuple[int, int], size: tuple[int, int], limits: Limits
) -> None:
    decoded = decode(saved(quadrants((800, 600)), "JPEG", quality=95), limits, enough=lambda _: enough)
    assert (decoded.info.width, decoded.info.height) == (800, 600)
    assert decoded.rgb.size == size
    for found, expected in zip(corners(decoded.rgb), (RED, GREEN, BLUE, WHITE), strict=True):
        assert is_close(found, expected, 6)


def test_what_is_enough_is_upright(limits: Limits) -> None:
    data = saved(quadrants((800, 200)), "JPEG", exif=sideways())
    decoded = decode(data, limits, enough=lambda _: (90, 400))
    assert decoded.rgb.size == (100, 400)
    assert (decoded.info.width, decoded.info.height) == (200, 800)


def test_a_reduced_jpeg_keeps_the_colours_of_its_profile_and_its_inks(limits: Limits) -> None:
    image = Image.new("RGB", (160, 160), (200, 120, 40))
    swapped = saved(image, "JPEG", icc_profile=profile_with_swapped_primaries())
    ink = saved(Image.new("CMYK", (160, 160), (0, 255, 255, 0)), "JPEG")
    for data, expected in ((swapped, (200, 40, 120)), (ink, RED)):
        rgb = decode(data, limits, enough=lambda _: (20, 20)).rgb
        assert rgb.size == (20, 20)
        assert is_close(colour_at(rgb, 10, 10), expected, 8)


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF", "HEIF", "BMP"])
@pytest.mark.parametrize(("enough", "size"), [((200, 150), (400, 300)), ((201, 150), (800, 600)), ((1, 9), (25, 19))])
def test_other_formats_are_reduced_to_no_less_than_twice_what_is_enough(
    file_format: str, enough: tuple[int, int], size: tuple[int, int], limits: Limits
) -> None:
    decoded = decode(saved(quadrants((800, 600)), file_format), limits, enough=lambda _: enough)
    assert (decoded.info.width, decoded.info.height) == (800, 600)
    assert decoded.rgb.size == size
    for found, expected in zip(corners(decoded.rgb), (RED, GREEN, BLUE, WHITE), strict=True):
        assert is_close(found, expected, 12)


def test_what_is_transparent_bleeds_no_colour_into_a_reduced_image(limits: Limits) -> None:
    image = Image.new("RGBA", (64, 64), (0, 255, 0, 0))
    image.paste((255, 0, 0, 255), (3, 0, 64, 64))
    decoded = decode(saved(image, "PNG"), limits, enough=lambda _: (8, 8))
    assert decoded.alpha is not None
    assert (decoded.rgb.size, decoded.alpha.getpixel((0, 0))) == ((16, 16), 64)
    assert colour_at(decoded.rgb, 0, 0) == RED


@pytest.mark.parametrize("mode", ["1", "P", "I;16"])
def test_pixels_whose_mean_is_no_colour_come_in_full(mode: str, limits: Limits) -> None:
    image = quadrants((64, 48)).convert("L").convert(mode) if mode != "P" else quadrants((64, 48)).convert(mode)
    assert decode(saved(image, "PNG"), limits, enough=lambda _: (8, 6)).rgb.size == (64, 48)


def test_a_colour_that_stands_for_nothing_is_not_mixed_with_others(limits: Limits) -> None:
    data = saved(quadrants((64, 48)), "PNG", transparency=(255, 0, 0))
    decoded = decode(data, limits, enough=lambda _: (8, 6))
    assert decoded.alpha is not None
    assert (decoded.rgb.size, decoded.alpha.getpixel((4, 4))) == ((64, 48), 0)


def sideways() -> bytes:
    """A camera's Exif: to be turned, with its name, its place and a thumbnail."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Model] = "Camera"
    exif[ExifTags.Base.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    tiff = exif.tobytes().removeprefix(b"Exif\0\0")
    order = "<" if tiff.startswith(b"II") else ">"
    (count,) = struct.unpack_from(order + "H", tiff, 8)
    end = 10 + 12 * count
    thumbnail = saved(Image.new("RGB", (16, 16)), "JPEG")
    entries = [(0x0201, 4, 1, len(tiff) + 2 + 24 + 4), (0x0202, 4, 1, len(thumbnail))]
    directory = struct.pack(order + "H", 2) + b"".join(struct.pack(order + "HHII", *entry) for entry in entries)
    linked = tiff[:end] + struct.pack(order + "I", len(tiff)) + tiff[end + 4 :]
    return b"Exif\0\0" + linked + directory + bytes(4) + thumbnail


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_the_exif_that_may_be_kept_is_that_of_the_upright_image(file_format: str, limits: Limits) -> None:
    data = saved(quadrants(), file_format, exif=sideways())
    kept = decode(data, limits).exif
    exif = Image.Exif()
    exif.load(kept)
    assert exif[ExifTags.Base.Orientation] == 1
    assert exif[ExifTags.Base.Model] == "Camera"
    assert exif.get_ifd(ExifTags.IFD.GPSInfo) == {ExifTags.GPS.GPSLatitudeRef: "N"}
    assert not exif.get_ifd(ExifTags.IFD.IFD1)
    assert b"JFIF" not in kept


def test_there_may_be_no_exif(limits: Limits) -> None:
    assert decode(saved(quadrants(), "JPEG"), limits).exif == b""


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", sideways()[:20]])
@pytest.mark.filterwarnings("ignore")
def test_broken_exif_is_left_out(exif: bytes, limits: Limits) -> None:
    kept = decode(saved(quadrants(), "JPEG", exif=exif), limits).exif
    assert b"nonsense" not in kept
    assert len(kept) < 40


def test_exif_that_is_too_long_is_left_out(limits: Limits) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "x" * 70_000
    assert decode(saved(quadrants(), "PNG", exif=exif.tobytes()), limits).exif == b""


def test_nothing_else_that_a_file_says_comes_along(limits: Limits) -> None:
    data = saved(quadrants(), "JPEG", comment=b"secret", icc_profile=profile_with_swapped_primaries(), dpi=(72, 72))
    assert decode(data, limits).rgb.info == {}


def test_exif_behind_the_pixels_does_not_turn_what_the_header_described(limits: Limits) -> None:
    plain, turned = saved(quadrants(), "PNG"), saved(quadrants(), "PNG", exif=sideways())
    start = turned.index(b"eXIf") - 4
    chunk = turned[start : start + 12 + int.from_bytes(turned[start : start + 4])]
    data = plain[:-12] + chunk + plain[-12:]
    info = inspect(data, limits)
    assert decode(data, limits).rgb.size == (info.width, info.height) == (64, 48)


@pytest.mark.parametrize("kind", [5, 11])
def test_exif_whose_text_is_a_number_is_left_out(kind: int, limits: Limits) -> None:
    """A rational or a float where the maker's name belongs; Pillow reads that, but cannot write it."""
    entry = struct.pack("<HHI4s", 0x010F, kind, 1, struct.pack("<I", 26))
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + bytes(4) + struct.pack("<II", 72, 1)
    data = saved(quadrants(), "JPEG", exif=b"Exif\0\0" + exif)
    assert decode(data, limits).exif == b""
