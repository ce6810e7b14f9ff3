"""The table of options: what it takes, what it refuses, and that it comes back as it was stored."""

import json
import re
import sys
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from processing.engine import catalog, kinds
from processing.engine.errors import InvalidOption, UnknownModel
from processing.engine.kinds import Length, ValueKind
from processing.engine.options import OPTIONS, Option, Options

DOCUMENT = Path(__file__).parents[2] / "docs" / "options.md"
OPTION = OPTIONS.values()
STRANGE = ["?", -1, [], {}, {"a": 1}, [None], "1" * 5_000, 10**4_000, "٣", "\0", "1;2"]

# By kind: what it takes with what is read, and more that it refuses.
TAKES: dict[type[ValueKind], list[tuple[Any, Any]]] = {
    kinds.OneOf: [],
    kinds.ModelName: [("u2netp", "u2netp")],
    kinds.TierName: [("fine", "fine")],
    kinds.Boolean: [("true", True), ("0", False), (True, True), ("Off", False), (1, True)],
    kinds.Number: [],
    kinds.Colour: [
        ("#fa0", (255, 170, 0, 255)),
        ("FA08", (255, 170, 0, 136)),
        ("102030", (16, 32, 48, 255)),
        ("#10203040", (16, 32, 48, 64)),
        ("RebeccaPurple", (102, 51, 153, 255)),
        ("1,2,3", (1, 2, 3, 255)),
        (" 1, 2, 3, 4 ", (1, 2, 3, 4)),
        ([1, 2, 3, 4], (1, 2, 3, 4)),
    ],
    kinds.Distance: [("2%", Length(2, is_percent=True)), ("0.5", Length(0.5)), (7, Length(7))],
    kinds.Surround: [
        ("10", (Length(10),) * 4),
        ("5% 10px", (Length(5, is_percent=True), Length(10)) * 2),
        ([1, 2, 3, "50%"], (Length(1), Length(2), Length(3), Length(50, is_percent=True))),
    ],
    kinds.Scale: [("original", None), ("10%", Length(10, is_percent=True)), ("62.5%", Length(62.5, is_percent=True))],
    kinds.Place: [
        ("original", "original"),
        ("center", (Length(50, is_percent=True),) * 2),
        ("0%", (Length(0, is_percent=True),) * 2),
        ("30% 80%", (Length(30, is_percent=True), Length(80, is_percent=True))),
    ],
    kinds.Region: [("0 0 50% 200px", (Length(0), Length(0), Length(50, is_percent=True), Length(200)))],
}
REFUSES: dict[type[ValueKind], list[Any]] = {
    kinds.OneOf: ["PNG ", "none,drop"],
    kinds.ModelName: [],
    kinds.TierName: ["best", True],
    kinds.Boolean: ["maybe", 2, "ye"],
    kinds.Number: [True, "1e1", 1.5, " 5", "5px", "1_0"],
    kinds.Colour: ["#ff", "12345", "notacolour", "1,2", "256,0,0", "1,2,3,4,5", [1, 2, 3, "x"], 5, "rgb(1,2,3)"],
    kinds.Distance: ["0", "11%", "501px", "5em", "5 5", "-5"],
    kinds.Surround: ["51%", "501", "1 2 3", "1 2 3 4 5", "-1"],
    kinds.Scale: ["9%", "101%", "50", "50px", "center"],
    kinds.Place: ["101%", "50", "50px", "left", "1% 2% 3%"],
    kinds.Region: ["0 0 1", "0 0 1 1 1", "a b c d"],
}


def lowest_and_highest(option: Option) -> list[tuple[Any, Any]]:
    if not isinstance(option.kind, kinds.Number):
        return []
    return [(str(bound), bound) for bound in (option.kind.lowest, option.kind.highest)]


def chosen(option: Option) -> list[tuple[Any, Any]]:
    if not isinstance(option.kind, kinds.OneOf):
        return []
    return [(choice, option.kind.same_as.get(choice, choice)) for choice in option.kind.choices]


GOOD = [
    (option.name, given, read)
    for option in OPTION
    for given, read in [*TAKES[type(option.kind)], *lowest_and_highest(option), *chosen(option)]
]
BAD = [
    (option.name, value)
    for option in OPTION
    if not isinstance(option.kind, kinds.ModelName)
    for value in [*REFUSES[type(option.kind)], *STRANGE]
]
BEYOND = [
    (option.name, value)
    for option in OPTION
    if isinstance(option.kind, kinds.Number)
    for value in (option.kind.lowest - 1, option.kind.highest + 1)
]


@pytest.mark.parametrize(("name", "given", "read"), GOOD, ids=str)
def test_it_reads_what_an_option_takes(name: str, given: Any, read: Any) -> None:
    assert getattr(Options.parse({name: given}), name) == read


@pytest.mark.parametrize(("name", "given", "read"), GOOD, ids=str)
def test_what_is_stored_as_json_comes_back_the_same(name: str, given: Any, read: Any) -> None:
    options = Options.parse({name: given})
    assert Options.parse(json.loads(json.dumps(options.as_dict()))) == options


@pytest.mark.parametrize(("name", "value"), [*BAD, *BEYOND], ids=lambda value: repr(value)[:40])
def test_it_refuses_other_values_and_says_what_is_allowed(name: str, value: Any) -> None:
    with pytest.raises(InvalidOption) as refused:
        Options.parse({name: value})
    assert refused.value.detail == f"{name} must be {OPTIONS[name].kind.allowed}."
    assert refused.value.param == name


def test_it_refuses_an_unknown_model() -> None:
    with pytest.raises(UnknownModel, match="u2netp"):
        Options.parse({"model": "nope"})


def test_it_refuses_an_unknown_option() -> None:
    with pytest.raises(InvalidOption, match=r"'colour'.*background_blur") as refused:
        Options.parse({"colour": "red"})
    assert refused.value.param == "colour"


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("nothing", ["", None])
def test_empty_means_not_given(name: str, nothing: str | None) -> None:
    assert Options.parse({name: nothing}) == Options()


@pytest.mark.parametrize("tier", catalog.read().tiers.values(), ids=lambda tier: tier.name)
def test_a_tier_chooses_network_and_refinement(tier: catalog.Tier) -> None:
    options = Options.parse({"tier": tier.name}, default_model="u2net_human_seg")
    assert (options.tier, options.model, options.refine) == (tier.name, tier.model, tier.refine)


def test_what_is_given_beside_a_tier_wins() -> None:
    options = Options.parse({"tier": "fine", "model": "u2netp", "refine": "false"})
    assert (options.model, options.refine) == ("u2netp", False)
    assert Options.parse(options.as_dict()) == options


def test_the_default_model_is_the_callers() -> None:
    assert Options.parse({}, default_model="u2netp").model == "u2netp"
    assert Options.parse({"model": "u2net"}, default_model="u2netp").model == "u2net"


CONTRADICTIONS = [
    ({"background": "red", "background_blur": "1%"}, "background_blur", "Choose background or background_blur"),
    ({"background_blur": "1%", "background_image": True}, "background_image", "Only one background"),
    ({"width": 8_192, "height": 8_192}, "width", "50,000,000"),
    ({"width": 100, "padding": "0 50px"}, "padding", "no room in the width of 100 px"),
    ({"height": 100, "padding": "50%"}, "padding", "no room in the height of 100 px"),
    ({"format": "zip", "output": "mask"}, "output", "zip"),
]


@pytest.mark.parametrize(("given", "param", "detail"), CONTRADICTIONS, ids=str)
def test_it_refuses_contradictions(given: dict[str, Any], param: str, detail: str) -> None:
    with pytest.raises(InvalidOption, match=detail) as refused:
        Options.parse(given)
    assert refused.value.param == param


def test_a_form_takes_the_lengths_that_are_read() -> None:
    pattern = kinds.Surround.pattern
    assert all(re.fullmatch(pattern, text) for text, _ in TAKES[kinds.Surround] if isinstance(text, str))
    assert all(re.fullmatch(pattern, text) for text in ("1 2 3 4", "0.5px 10%", " 5 "))
    assert not any(re.fullmatch(pattern, text) for text in ("1 2 3", "1 2 3 4 5", "-1", "5em", "", "1 2,3 4"))


def test_people_choose_from_every_format_once() -> None:
    formats, shadows = OPTIONS["format"].kind, OPTIONS["shadow"].kind
    assert isinstance(formats, kinds.OneOf)
    assert isinstance(shadows, kinds.OneOf)
    assert [name for name, _ in formats.titled] == ["png", "webp", "jpeg", "avif", "zip", "auto"]
    assert shadows.titled == [("none", "None"), ("drop", "Drop"), ("contact", "Contact")]


def test_checking_a_request_needs_no_numpy() -> None:
    program = "import sys; import processing.engine.placement; print('numpy' in sys.modules)"
    assert run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"


def test_every_option_is_documented_as_it_is() -> None:
    lines = DOCUMENT.read_text().splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    assert rows == [f"| `{o.name}` | {shown(o)} | {o.kind.allowed} | {o.help} |" for o in OPTION]


def shown(option: Option) -> str:
    default = kinds.plain(option.default)
    return "" if default is None else f"`{json.dumps(default).strip('"')}`"
