"""Where things land on the canvas: geometry only."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.engine import placement
from processing.engine.errors import InvalidOption, RoiExceedsBounds, RoiRegionEmpty
from processing.engine.options import MAX_CANVAS_PIXELS, MAX_CANVAS_SIDE_PX, Options
from processing.engine.placement import Box, Size

SIZE = (400, 300)
SUBJECT = (100, 50, 200, 250)  # 100 by 200

WHERE: list[tuple[dict[str, Any], Size, Box]] = [
    ({}, (400, 300), (100, 50, 200, 250)),
    ({"crop": True}, (100, 200), (0, 0, 100, 200)),
    ({"crop": True, "crop_margin": "10"}, (120, 220), (10, 10, 110, 210)),
    ({"crop": True, "crop_margin": "10%"}, (120, 240), (10, 20, 110, 220)),
    ({"crop": True, "crop_margin": "1 2 3 4"}, (106, 204), (4, 1, 104, 201)),
    ({"crop": True, "crop_margin": "500px"}, (1_100, 1_200), (500, 500, 600, 700)),
    ({"crop_margin": "10"}, (400, 300), (100, 50, 200, 250)),
    ({"width": 800}, (800, 600), (200, 100, 400, 500)),
    ({"height": 150}, (200, 150), (50, 25, 100, 125)),
    ({"width": 800, "height": 300}, (800, 300), (300, 50, 400, 250)),
    ({"width": 200, "height": 600}, (200, 600), (50, 250, 100, 350)),
    ({"crop": True, "width": 400, "height": 400}, (400, 400), (100, 0, 300, 400)),
    ({"crop": True, "height": 100}, (50, 100), (0, 0, 50, 100)),
    ({"padding": "10"}, (420, 320), (110, 60, 210, 260)),
    ({"padding": "10% 50%"}, (800, 360), (300, 80, 400, 280)),
    ({"padding": "1 2 3 4", "crop": True}, (106, 204), (4, 1, 104, 201)),
    ({"padding": "10%", "width": 1_000, "height": 1_000, "crop": True}, (1_000, 1_000), (300, 100, 700, 900)),
    ({"padding": "50", "width": 500}, (500, 400), (150, 100, 250, 300)),
    ({"position": "original"}, (400, 300), (100, 50, 200, 250)),
    ({"position": "center"}, (400, 300), (150, 50, 250, 250)),
    ({"position": "0%"}, (400, 300), (0, 0, 100, 200)),
    ({"position": "100%"}, (400, 300), (300, 100, 400, 300)),
    ({"position": "0% 100%"}, (400, 300), (0, 100, 100, 300)),
    ({"position": "0%", "padding": "10"}, (420, 320), (10, 10, 110, 210)),
    ({"scale": "100%"}, (400, 300), (125, 0, 275, 300)),
    ({"scale": "50%", "width": 800}, (800, 600), (325, 150, 475, 450)),
    ({"scale": "50%", "position": "0% 100%", "width": 800}, (800, 600), (0, 300, 150, 600)),
    ({"scale": "100%", "position": "original"}, (400, 300), (75, 0, 225, 300)),
    ({"scale": "50%", "crop": True}, (100, 200), (25, 50, 75, 150)),
    ({"scale": "original", "position": "center"}, (400, 300), (150, 50, 250, 250)),
    ({"max_pixels": 30_000}, (200, 150), (50, 25, 100, 125)),
    ({"max_pixels": 120_000}, (400, 300), (100, 50, 200, 250)),
    ({"max_pixels": 5_000, "crop": True}, (50, 100), (0, 0, 50, 100)),
]


@pytest.mark.parametrize(("options", "canvas", "subject"), WHERE, ids=str)
def test_the_foreground_lands_where_it_was_asked_for(options: dict[str, Any], canvas: Size, subject: Box) -> None:
    place = placement.placed(Options.parse(options), SIZE, SUBJECT)
    assert (place.size, place.on_canvas(SUBJECT)) == (canvas, subject)


@pytest.mark.parametrize("options", [{"crop": True}, {"scale": "50%"}, {"position": "0%"}, {}], ids=str)
def test_without_a_foreground_the_canvas_shows_the_image(options: dict[str, Any]) -> None:
    place = placement.placed(Options.parse(options), SIZE, None)
    assert (place.size, place.on_canvas((0, 0, *SIZE))) == (SIZE, (0, 0, *SIZE))


def test_without_a_foreground_the_canvas_has_the_size_that_was_asked_for() -> None:
    options = Options.parse({"crop": True, "width": 100, "height": 100, "scale": "20%"})
    place = placement.placed(options, SIZE, None)
    assert (place.size, place.on_canvas((0, 0, *SIZE))) == ((100, 100), (0, 12, 100, 88))


def test_a_canvas_that_follows_a_thin_foreground_stays_within_bounds() -> None:
    options = Options.parse({"crop": True, "width": 8_192})
    width, height = placement.placed(options, SIZE, (10, 0, 11, 300)).size
    assert width * height <= MAX_CANVAS_PIXELS
    assert max(width, height) <= MAX_CANVAS_SIDE_PX


def test_a_large_original_keeps_its_size() -> None:
    size = (20_000, 4_000)
    assert placement.placed(Options(), size, (0, 0, 5, 5)).size == size
    placement.check(Options(), size)


@pytest.mark.parametrize(
    ("options", "size", "param"),
    [({"width": 8_192}, (1, 5_000), "width"), ({"padding": "50%"}, (8_000, 6_000), "padding")],
)
def test_a_result_that_is_too_large_is_refused_before(options: dict[str, Any], size: Size, param: str) -> None:
    with pytest.raises(InvalidOption, match=f"Make {param} smaller") as refused:
        placement.check(Options.parse(options), size)
    assert refused.value.param == param


@pytest.mark.parametrize(("options", "size"), [({"width": 8_192}, (1, 5_000)), ({"padding": "50%"}, (8_000, 6_000))])
@pytest.mark.parametrize("smaller", [{"max_pixels": 50_000_000}, {"crop": True}], ids=str)
def test_a_result_that_is_made_smaller_anyway_is_not_refused(
    options: dict[str, Any], size: Size, smaller: dict[str, Any]
) -> None:
    parsed = Options.parse(options | smaller)
    placement.check(parsed, size)
    width, height = placement.placed(parsed, size, (0, 0, *size)).size
    assert width * height <= MAX_CANVAS_PIXELS
    assert max(width, height) <= MAX_CANVAS_SIDE_PX


REGIONS: list[tuple[str, Box]] = [
    ("0 0 100% 100%", (0, 0, 400, 300)),
    ("10 20px 30 40", (10, 20, 30, 40)),
    ("50% 50% 400 300", (200, 150, 400, 300)),
    ("0 0 0.25% 1", (0, 0, 1, 1)),
]


@pytest.mark.parametrize(("roi", "box"), REGIONS)
def test_a_region_of_interest(roi: str, box: Box) -> None:
    options = Options.parse({"roi": roi})
    placement.check(options, SIZE)
    assert placement.region(options, SIZE) == box


@pytest.mark.parametrize(
    ("roi", "error"),
    [
        ("0 0 401 300", RoiExceedsBounds),
        ("0 0 400 301", RoiExceedsBounds),
        ("0 0 100% 101%", RoiExceedsBounds),
        ("5000 0 100% 100%", RoiExceedsBounds),
        ("10 10 10 20", RoiRegionEmpty),
        ("10 10 20 10", RoiRegionEmpty),
        ("50% 0 25% 100%", RoiRegionEmpty),
        ("0 0 0.1% 1", RoiRegionEmpty),
    ],
)
def test_a_region_outside_or_without_extent_is_refused(roi: str, error: type[InvalidOption]) -> None:
    with pytest.raises(error) as refused:
        placement.check(Options.parse({"roi": roi}), SIZE)
    assert refused.value.param == "roi"


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (400, 300)),
        ({"max_pixels": 30_000}, (200, 150)),
        ({"width": 100}, (100, 75)),
        ({"width": 100, "height": 100, "padding": "10"}, (80, 60)),
        ({"crop": True, "width": 100}, None),
        ({"scale": "50%", "width": 100}, None),
        ({"roi": "0 0 10 10", "width": 100}, None),
    ],
)
def test_how_much_of_the_image_the_result_needs(options: dict[str, Any], size: Size | None) -> None:
    assert placement.enough(Options.parse(options), SIZE) == size


SIDES = st.integers(1, 9_000)
MARGINS = st.sampled_from(["0", "500px", "50%", "1 2 3 4", "33.3%"])


@given(
    width=SIDES,
    height=SIDES,
    corners=st.tuples(*[st.floats(0, 1)] * 4),
    options=st.fixed_dictionaries(
        {},
        optional={
            "crop": st.booleans(),
            "crop_margin": MARGINS,
            "padding": MARGINS,
            "scale": st.sampled_from(["original", "10%", "73%", "100%"]),
            "position": st.sampled_from(["original", "center", "0%", "100%", "13% 77%"]),
            "width": st.integers(1_001, 7_000),
            "height": st.integers(1_001, 7_000),
            "max_pixels": st.integers(1, MAX_CANVAS_PIXELS),
        },
    ).filter(lambda options: "50%" not in (options.get("padding"),)),
)
def test_the_canvas_holds_the_foreground_and_keeps_the_limits(
    width: int, height: int, corners: tuple[float, ...], options: dict[str, Any]
) -> None:
    left, right = sorted((int(corners[0] * (width - 1)), int(corners[1] * (width - 1))))
    top, bottom = sorted((int(corners[2] * (height - 1)), int(corners[3] * (height - 1))))
    subject = (left, top, right + 1, bottom + 1)
    place = placement.placed(Options.parse(options), (width, height), subject)
    assert place.size[0] * place.size[1] <= options.get("max_pixels", max(MAX_CANVAS_PIXELS, width * height))
    assert max(place.size) <= max(MAX_CANVAS_SIDE_PX, width, height)
    x1, y1, x2, y2 = place.on_canvas(subject)
    assert 0 <= x1 < x2 <= place.size[0]
    assert 0 <= y1 < y2 <= place.size[1]
    for axis, start, end in ((place.horizontal, left, right + 1), (place.vertical, top, bottom + 1)):
        assert axis.scale * start + axis.offset >= -0.51
        assert axis.scale * end + axis.offset <= axis.length + 0.51


def test_a_side_that_the_format_cannot_hold_is_refused_beforehand() -> None:
    with pytest.raises(
        InvalidOption, match=r"webp holds at most 16,383 pixels a side and the result has 20,000"
    ) as refused:
        placement.check(Options(format="webp"), (20_000, 100))
    assert refused.value.param == "format"
    placement.check(Options(format="webp", max_pixels=100_000), (20_000, 100))
    placement.check(Options(format="png"), (20_000, 100))
