"""Files that were images once, made from good ones of every format, the same ones each time."""

import random
import zipfile
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from itertools import permutations

import pillow_heif

from tests.engine.drawings import quadrants, saved

pillow_heif.register_heif_opener()

IMAGE = quadrants((96, 64))
EXIF = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
FILES = {
    "JPEG": saved(IMAGE, "JPEG", exif=EXIF),
    "progressive JPEG": saved(IMAGE, "JPEG", progressive=True),
    "CMYK JPEG": saved(IMAGE.convert("CMYK"), "JPEG"),
    "MPO": saved(IMAGE, "MPO", save_all=True, append_images=[IMAGE]),
    "PNG": saved(IMAGE.convert("RGBA"), "PNG", exif=EXIF),
    "palette PNG": saved(IMAGE.convert("P"), "PNG", transparency=0),
    "APNG": saved(IMAGE, "PNG", save_all=True, append_images=[IMAGE.rotate(90)]),
    "WEBP": saved(IMAGE, "WEBP", exif=EXIF),
    "lossless WEBP": saved(IMAGE.convert("RGBA"), "WEBP", lossless=True),
    "animated WEBP": saved(IMAGE, "WEBP", save_all=True, append_images=[IMAGE.rotate(90)]),
    "HEIF": saved(IMAGE, "HEIF", exif=EXIF),
    "AVIF": saved(IMAGE, "AVIF", exif=EXIF),
    "animated AVIF": saved(IMAGE, "AVIF", save_all=True, append_images=[IMAGE.rotate(90)]),
    "TIFF": saved(IMAGE, "TIFF", exif=EXIF),
    "LZW TIFF": saved(IMAGE, "TIFF", compression="tiff_lzw"),
    "JPEG TIFF": saved(IMAGE, "TIFF", compression="jpeg"),
    "multi-page TIFF": saved(IMAGE, "TIFF", save_all=True, append_images=[IMAGE.convert("L")]),
    "BMP": saved(IMAGE, "BMP"),
    "GIF": saved(IMAGE, "GIF"),
    "animated GIF": saved(IMAGE, "GIF", save_all=True, append_images=[IMAGE.rotate(90)], transparency=0),
}
KINDS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "BMP", "GIF")
HEADER_BYTES = 32


def damaged(name: str, *, variants: int) -> Iterator[bytes]:
    """Cut short, flipped bits, bytes from elsewhere, a hole, headers of large numbers."""
    data, chance = FILES[name], random.Random(name)
    for _ in range(variants):
        variant = bytearray(data)
        for _ in range(chance.choice((1, 1, 3, 8))):
            # Half of the damage goes to the header, where it does the most.
            at = chance.randrange(min(len(variant), 64) if chance.random() < 0.5 else len(variant))
            match chance.randrange(5):
                case 0:
                    del variant[max(at, 32) :]
                case 1:
                    variant[at] ^= 1 << chance.randrange(8)
                case 2:
                    variant[at : at + 4] = chance.randbytes(4)
                case 3:
                    del variant[at : at + chance.randrange(1, 4)]
                case 4:
                    variant[at : at + 4] = chance.choice((b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4)))
        yield bytes(variant)


def _zip() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("page.html", "<script>alert(1)</script>" * 40)
    return file.getvalue()


FOREIGN = {
    "ZIP": _zip(),
    "HTML": b"<!doctype html><script>alert(document.cookie)</script>" * 20,
    "PHP": b"<?php system($_GET['x']); ?>" * 20,
    "shell script": b"#!/bin/sh\nrm -rf /\n" * 20,
    "PDF": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
    "program": b"\x7fELF\2\1\1" + bytes(200),
}


@cache
def polyglots() -> dict[str, bytes]:
    """One file that two programs read as two different things."""
    found = {}
    for kind in KINDS:
        image, middle = FILES[kind], len(FILES[kind]) // 2
        for name, foreign in FOREIGN.items():
            found[f"{kind} before {name}"] = image + foreign
            found[f"{name} before {kind}"] = foreign + image
            found[f"{name} in the middle of {kind}"] = image[:middle] + foreign + image[middle:]
    return found


@cache
def spliced() -> dict[str, bytes]:
    """The beginning of one format with the rest of another, one behind the other, and the header of another."""
    found = {}
    for first, second in permutations(KINDS, 2):
        one, other = FILES[first], FILES[second]
        found[f"half of {first}, half of {second}"] = one[: len(one) // 2] + other[len(other) // 2 :]
        found[f"{first}, then {second}"] = one + other
        found[f"header of {first} on {second}"] = one[:HEADER_BYTES] + other[HEADER_BYTES:]
    return found
