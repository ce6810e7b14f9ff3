"""Images that tests draw themselves."""

from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw

Colour = tuple[int, ...]


def quadrants(size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Red, green, blue and white, so that every turn shows."""
    width, height = size
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 2 - 1, height // 2 - 1), "red")
    draw.rectangle((width // 2, 0, width, height // 2 - 1), (0, 255, 0))
    draw.rectangle((0, height // 2, width // 2 - 1, height), "blue")
    return image


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def corners(image: Image.Image) -> list[Colour]:
    """Top left, top right, bottom left, bottom right, a little inside."""
    right, bottom = image.width - 5, image.height - 5
    return [colour_at(image, *at) for at in ((4, 4), (right, 4), (4, bottom), (right, bottom))]


def colour_at(image: Image.Image, x: int, y: int) -> Colour:
    colour = image.getpixel((x, y))
    assert isinstance(colour, tuple)
    return colour


def is_close(found: Colour, expected: Colour, tolerance: int) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(found, expected, strict=True))
