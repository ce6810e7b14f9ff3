import re
from collections.abc import Iterable

from django.http import HttpRequest
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from api.errors import InvalidParameter, NotAcceptable
from config.limits import LIMITS

JSON = "application/json"
RESULT_TYPES = ("image/png", "image/webp", "image/jpeg", "image/avif", "application/zip")
OFFERED = [*RESULT_TYPES, JSON]  # the first, if all are equal
WAIT = re.compile(r"\s*wait\s*=\s*\"?(\d{1,6})\"?\s*", re.IGNORECASE)


class AlwaysJson(BaseContentNegotiation):
    """Whatever a client accepts, descriptions and errors are JSON; only a result has another form."""

    def select_renderer(
        self,
        _request: Request,
        renderers: Iterable[BaseRenderer],
        _format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or JSON


def preferred_wait_s(request: HttpRequest) -> int:
    """Seconds the caller would wait for the result (RFC 7240), capped; 0: not at all."""
    for preference in request.headers.get("Prefer", "").split(","):
        if found := WAIT.fullmatch(preference.partition(";")[0]):
            return min(int(found[1]), LIMITS.wait_max_s)
        if preference.strip().lower().startswith("wait"):
            raise InvalidParameter("Prefer: wait takes whole seconds, such as wait=30.")
    return 0


def require_acceptable(request: HttpRequest) -> None:
    """A caller who takes neither images nor JSON is told before any work is done. Raises NotAcceptable."""
    if request.headers.get("Accept") and request.get_preferred_type(OFFERED) is None:
        raise NotAcceptable(f"Accept what is offered here: {', '.join(OFFERED)}.")


def wants_json(request: HttpRequest) -> bool:
    """Whether the caller would rather have a result's description, with a link, than its bytes."""
    return bool(request.headers.get("Accept")) and request.get_preferred_type(OFFERED) == JSON
