"""Figures as a person reads them."""

from django import template

register = template.Library()

SECOND_MS = 1000


@register.filter
def duration(ms: float) -> str:
    if ms < SECOND_MS:
        return f"{ms:.0f} ms"
    return f"{ms / SECOND_MS:.1f} s"


@register.filter
def subtype(media_type: str) -> str:
    """PNG for image/png."""
    return media_type.partition("/")[2].upper()
