"""Photographs to test with, out of scikit-image."""

import io
from functools import cache
from typing import Any

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image


def encoded(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@cache
def astronaut(width: int = 512, height: int = 512) -> bytes:
    """A photograph of a person (NASA, public domain) as JPEG."""
    pixels: NDArray[np.uint8] = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    image = Image.fromarray(pixels).resize((width, height))
    return encoded(image, quality=90)
