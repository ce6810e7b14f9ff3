"""Photographs to test with, out of scikit-image."""

import io
from functools import cache
from typing import Any

import skimage.data
from PIL import Image


def encoded(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@cache
def astronaut(width: int = 512, height: int = 512) -> bytes:
    """A photograph of a person (NASA, public domain) as JPEG."""
    image = Image.fromarray(skimage.data.astronaut()).resize((width, height))
    return encoded(image, quality=90)
