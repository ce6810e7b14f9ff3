"""What was asked of a job, and what its result is like, for the pages that show it."""

from typing import Any

from django import template

from processing.engine import kinds
from processing.engine.options import OPTIONS
from processing.models import Job

register = template.Library()

SAID_ELSEWHERE = {"model", "output", "format"}
NAMES = {"tier": "Quality tier", "quality": "File quality", "roi": "Region of interest", "dpi": "DPI"}
UNITS = {"width": " px", "height": " px", "shadow_opacity": " %"}
MOVING = {"crop", "scale", "position", "width", "height", "padding", "max_pixels"}


@register.filter
def wishes(job: Job) -> dict[str, str]:
    """The options that differ from their defaults, in words."""
    differing = {
        name: job.options[name]
        for name, option in OPTIONS.items()
        if name not in SAID_ELSEWHERE
        and job.options.get(name, kinds.plain(option.default)) != kinds.plain(option.default)
    }
    return {
        NAMES.get(name, name.replace("_", " ").capitalize()): _in_words(value) + UNITS.get(name, "")
        for name, value in differing.items()
    }


def _in_words(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case [*channels]:
            return "#" + bytes(channels).hex().removesuffix("ff" if len(channels) == 4 else "")
        case str() if len(set(value.split())) == 1:
            return value.split()[0]
    return str(value)


@register.filter
def is_see_through(job: Job) -> bool:
    """Whether what lies under the result can be seen."""
    has_alpha = job.result_media_type != "image/jpeg" and job.options.get("output") != "mask"
    is_filled = not job.options.keys().isdisjoint({"background_blur", "background_image"})
    opacity = job.options.get("background", [0])[-1]
    return bool(has_alpha and not is_filled and opacity < 255)


@register.filter
def lies_on_original(job: Job) -> bool:
    """Whether each pixel that is shown of the result is where it was in the original."""
    return bool(job.options.get("format") != "zip" and job.options.keys().isdisjoint(MOVING))
