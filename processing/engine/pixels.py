"""Every kind of pixels that people have, made into 8-bit sRGB and an alpha channel. Needs Pillow only."""

from contextlib import suppress
from functools import cache
from io import BytesIO
from typing import cast

from PIL import Image, ImageCms

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = frozenset({5, 6, 7, 8})


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """`orientation` is Exif's, 1 to 8. Takes `image` over."""
    turn = _TURNS.get(orientation)
    return image if turn is None else _instead(image, image.transpose(turn))


def to_srgb(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """RGB in sRGB, and L where the image has an alpha channel that is not opaque everywhere. Takes `image` over."""
    image = _eight_bit(image)
    if image.mode in {"La", "RGBa"}:
        image = _converted(image, image.mode[:-1] + "A")
    if image.mode == "PA" or (image.has_transparency_data and image.mode not in {"LA", "RGBA"}):
        image = _converted(image, "RGBA")
    alpha = _alpha(image)
    return _rgb(image), alpha


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit and 32-bit grey, whose values Pillow would clip at 255, scaled to 8 bits."""
    if image.mode.startswith("I;16"):
        white = 65_535.0
    elif image.mode in {"I", "F"}:
        _, peak = cast(tuple[float, float], image.getextrema())
        white = next((white for white in (1.0, 255.0, 65_535.0) if peak <= white), peak)
    else:
        return image
    return _converted(_instead(image, image.point(lambda value: value * (255 / white) + 0.5)), "L")


def _alpha(image: Image.Image) -> Image.Image | None:
    if "A" not in image.getbands():
        return None
    alpha = image.getchannel("A")
    return None if alpha.getextrema() == (255, 255) else alpha


def _rgb(image: Image.Image) -> Image.Image:
    profile = _profile(image)
    if image.mode in {"LA", "RGBA"}:
        image = _converted(image, image.mode[:-1])
    elif image.mode in {"P", "1"}:
        image = _converted(image, "RGB" if image.mode == "P" else "L")
    if profile is not None:
        with suppress(ImageCms.PyCMSError):  # a profile for another kind of pixels: better ignored than refused
            return _transformed(image, ImageCms.buildTransform(profile, _srgb(), image.mode, "RGB"))
    return _converted(image, "RGB")


def _transformed(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    return transform.apply_in_place(image) if image.mode == "RGB" else _instead(image, transform.apply(image))


def _converted(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else _instead(image, image.convert(mode))


def _instead(image: Image.Image, made_from_it: Image.Image) -> Image.Image:
    """Gives back the memory of an image that has served: a large one has hundreds of megabytes."""
    image.close()
    return made_from_it


def _profile(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """The colour profile to convert from; None where the pixels are sRGB already, or said to be nothing."""
    if image.mode == "LAB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    content = image.info.get("icc_profile")
    if not content:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(content))
    except (OSError, TypeError):
        return None
    return None if (profile.profile.profile_description or "").startswith("sRGB") else profile


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
