"""The files that come out. Pixels are sRGB, which is what files without a colour profile are taken to be.

Which encoder with which settings, and what the others cost: docs/decisions/013-codecs.md.
"""

from io import BytesIO
from typing import Any
from zipfile import ZipFile, ZipInfo

from PIL import Image

from config.cores import available_cores
from processing.engine import exif as exifs
from processing.engine.errors import InvalidOption
from processing.engine.options import require_side
from processing.engine.png import png

THUMBNAIL_SIDE_PX = 320
PREVIEW_SIDE_PX = 1_600

_MEDIA_TYPES = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg", "avif": "image/avif"}
_ZIP = "application/zip"
_ZIP_JPEG_QUALITY = 95
_AVIF_SPEED = 9
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # so that the same pictures give the same bytes


def media_type(file_format: str) -> str:
    return _MEDIA_TYPES.get(file_format, _ZIP)


def encoded(
    picture: Image.Image, file_format: str, *, quality: int, lossless: bool, dpi: int | None, exif: bytes
) -> bytes:
    """A picture in mode L, RGB or (but for JPEG) RGBA as PNG, WebP, JPEG or AVIF; of these only WebP has both a lossy
    and a lossless kind. Raises InvalidOption when it is too large for the format.
    """
    require_side(picture.size, file_format)
    if dpi is not None:
        exif = exifs.with_resolution(exif, dpi)
    match file_format:
        case "png":
            return png(picture, dpi=dpi, exif=exif.removeprefix(exifs.PREFIX))
        case "webp" if lossless:
            return _saved(picture, "WEBP", lossless=True, quality=0, method=0, exif=exif)
        case "webp":
            return _saved(picture, "WEBP", quality=quality, method=0, exif=exif)
        case "jpeg":
            return _saved(picture, "JPEG", quality=quality, exif=exif, **({"dpi": (dpi, dpi)} if dpi else {}))
        case "avif":
            cores = available_cores()
            return _saved(picture, "AVIF", quality=quality, speed=_AVIF_SPEED, max_threads=cores, exif=exif)
        case _:
            raise InvalidOption(f"There is no format {file_format!r}. Choose one of: {', '.join(_MEDIA_TYPES)}.")


def zipped(colour: Image.Image, alpha: Image.Image, *, dpi: int | None, exif: bytes) -> bytes:
    """color.jpg and alpha.png, from which the cutout is put together elsewhere. Raises as `encoded` does."""
    files = {
        "color.jpg": encoded(colour, "jpeg", quality=_ZIP_JPEG_QUALITY, lossless=False, dpi=dpi, exif=exif),
        "alpha.png": encoded(alpha, "png", quality=100, lossless=True, dpi=dpi, exif=b""),
    }
    archive = BytesIO()
    with ZipFile(archive, "w") as folder:
        for name, content in files.items():
            folder.writestr(ZipInfo(name, _ZIP_DATE), content)
    return archive.getvalue()


def thumbnail(picture: Image.Image) -> bytes:
    """WebP, at most 320 pixels a side."""
    size = _fitting(picture.size, THUMBNAIL_SIDE_PX)
    # Of a large picture every few pixels do: Pillow would first copy all of it to resize it with its alpha.
    larger = (size[0] * 3, size[1] * 3)
    if larger[0] < picture.width and larger[1] < picture.height:
        picture = picture.resize(larger, Image.Resampling.NEAREST)
    return _saved(picture.resize(size, Image.Resampling.BOX), "WEBP", quality=80, method=0, alpha_quality=50)


def preview(rgb: Image.Image) -> bytes:
    """JPEG, at most 1,600 pixels a side: the original for browsers that cannot show its own format."""
    size = _fitting(rgb.size, PREVIEW_SIDE_PX)
    return _saved(rgb.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0), "JPEG", quality=85)


def _fitting(size: tuple[int, int], side_px: int) -> tuple[int, int]:
    scale = min(1.0, side_px / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _saved(picture: Image.Image, file_format: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()
