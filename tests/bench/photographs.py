"""What is sent: photographs of every size, with the grain of a real camera so that they compress like one's."""

from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image

from tests.photographs import astronaut

SMALL = (800, 600)
LARGE = (4_000, 3_000)
# 0.5 to 25 megapixels, most of them small, as people send them.
MIXED = (
    SMALL,
    SMALL,
    (1_280, 960),
    (1_600, 1_200),
    (2_048, 1_536),
    SMALL,
    (2_828, 2_121),
    LARGE,
    SMALL,
    (5_773, 4_330),
)


@cache
def jpeg(size: tuple[int, int]) -> bytes:
    picture = Image.open(BytesIO(astronaut(*size))).convert("RGB")
    grain = np.random.default_rng(7).integers(-6, 7, (size[1], size[0], 1), np.int16)
    noisy = (np.asarray(picture, np.int16) + grain).clip(0, 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(noisy).save(file, "JPEG", quality=90)
    return file.getvalue()
