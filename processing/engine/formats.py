"""What the first bytes say about a file: the formats that are read here, and some that are not."""

from enum import StrEnum

from processing.engine.errors import NotAnImage, UnsupportedFormat


class Format(StrEnum):
    """The value is Pillow's name of the format."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    HEIC = "HEIF"
    AVIF = "AVIF"
    TIFF = "TIFF"
    BMP = "BMP"
    GIF = "GIF"

    @property
    def browsers_show_it(self) -> bool:
        return self not in {Format.HEIC, Format.TIFF}


SUPPORTED = "JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP or GIF"

_SIGNATURES = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"II*\0", Format.TIFF),
    (b"MM\0*", Format.TIFF),
    (b"II+\0", Format.TIFF),
    (b"MM\0+", Format.TIFF),
    (b"BM", Format.BMP),
)
_HEIC_BRANDS = set(b"heic heix heim heis hevc hevx hevm hevs".split())
_AVIF_BRANDS = set(b"avif avis".split())
_STILL_BRANDS = set(b"mif1 msf1".split())
_OTHERS = (
    (b"%PDF", "PDF"),
    (b"8BPS", "Photoshop"),
    (b"<svg", "SVG"),
    (b"<?xml", "SVG or XML"),
    (b"\x00\x00\x01\x00", "icon (ICO)"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
    (b"\x1aE\xdf\xa3", "video"),
)


def sniff(data: bytes) -> Format:
    """Raises NotAnImage or UnsupportedFormat."""
    for signature, found in _SIGNATURES:
        if data.startswith(signature):
            return found
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return Format.WEBP
    if data[4:8] == b"ftyp":
        return _sniff_iso_media(data)
    for signature, name in _OTHERS:
        if data.startswith(signature):
            raise UnsupportedFormat(f"{name} files are not supported. Send {SUPPORTED}.")
    raise NotAnImage(f"The file is not an image that can be read. Send {SUPPORTED}.")


def _sniff_iso_media(data: bytes) -> Format:
    """HEIC and AVIF share a container with MP4: the major brand tells, else the compatible ones."""
    size = min(int.from_bytes(data[:4]), 512)
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, size, 4))]
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return Format.AVIF
        if brand in _HEIC_BRANDS:
            return Format.HEIC
    if _STILL_BRANDS.intersection(brands):
        return Format.HEIC
    raise UnsupportedFormat(f"Videos are not supported. Send {SUPPORTED}.")
