"""The HTTP request itself, and the one place that turns every error into an answer.

RequestError
├── MalformedBody          400 malformed_body
├── MissingImage           400 missing_image
├── TooManyImages          400 too_many_images
├── InvalidParameter       400 invalid_parameter
├── Forbidden              403 forbidden
├── RouteNotFound          404 not_found
├── MethodNotAllowed       405 method_not_allowed
├── NotAcceptable          406 not_acceptable
└── UnsupportedMediaType   415 unsupported_media_type
"""

from collections.abc import Callable
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from rest_framework import exceptions

from accounts.errors import KeyMissing
from config.errors import MatteryError

log = structlog.get_logger(__name__)


class RequestError(MatteryError):
    pass


class MalformedBody(RequestError):
    code, status, title = "malformed_body", 400, "The request's body cannot be read"


class MissingImage(RequestError):
    code, status, title = "missing_image", 400, "No image given"


class TooManyImages(RequestError):
    code, status, title = "too_many_images", 400, "More than one image given"


class InvalidParameter(RequestError):
    code, status, title = "invalid_parameter", 400, "A parameter is not valid"


class Forbidden(RequestError):
    code, status, title = "forbidden", 403, "Not allowed"


class RouteNotFound(RequestError):
    code, status, title = "not_found", 404, "There is nothing here"


class MethodNotAllowed(RequestError):
    code, status, title = "method_not_allowed", 405, "This method is not offered here"


class NotAcceptable(RequestError):
    code, status, title = "not_acceptable", 406, "Nothing that Accept names is offered here"


class UnsupportedMediaType(RequestError):
    code, status, title = "unsupported_media_type", 415, "The body's Content-Type is not supported"


def answer(exception: Exception, context: dict[str, Any]) -> HttpResponse:
    """REST framework's exception handler for the native API."""
    request: HttpRequest = context["request"]._request
    response = problem(request, translated(exception))
    if isinstance(exception, exceptions.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    return response


def translated(exception: Exception) -> MatteryError:
    """Any exception as one of ours; what nobody expected is logged and becomes internal_error."""
    match exception:
        case MatteryError():
            return exception
        case exceptions.NotAuthenticated():
            return KeyMissing()
        case exceptions.PermissionDenied() | PermissionDenied():
            return Forbidden(str(exception))
        case exceptions.MethodNotAllowed():
            return MethodNotAllowed("Use another method; the Allow header names those offered here.")
        case exceptions.NotFound() | Http404():
            return RouteNotFound("Check the address; /docs/ lists what is offered.")
        case exceptions.APIException():
            return InvalidParameter(str(exception.detail))
    log.error("unexpected error", exc_info=exception)
    return MatteryError("The error has been logged. Name the request_id when you report it.")


def problem(request: HttpRequest, error: MatteryError) -> JsonResponse:
    """RFC 9457, with a stable `code`, the option at fault if there is one, and the id to find the request by."""
    body = {
        "type": f"/docs/errors#{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        **({"param": error.param} if error.param else {}),
        "request_id": request.META.get("REQUEST_ID", ""),
    }
    return stamped(
        request,
        error,
        JsonResponse(body, status=error.status, content_type="application/problem+json"),
    )


def stamped[Response: HttpResponse](request: HttpRequest, error: MatteryError, response: Response) -> Response:
    """What the answers of every dialect share: headers, and the code for the audit log."""
    request.META["ERROR_CODE"] = error.code
    if error.retry_after_s is not None:
        response["Retry-After"] = str(error.retry_after_s)
    if error.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="Mattery"'
    response["Cache-Control"] = "no-store"
    return response


# How errors look below a path, where no view is reached. Dialects with a shape of their own add theirs.
SHAPES: dict[str, Callable[[HttpRequest, MatteryError], HttpResponse]] = {"/api/": problem, "/images/": problem}


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith(tuple(SHAPES))


def shaped(request: HttpRequest, error: MatteryError) -> HttpResponse | None:
    """None for what people look at."""
    shapes = [shape for prefix, shape in SHAPES.items() if request.path.startswith(prefix)]
    return shapes[0](request, error) if shapes else None


def route_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    error = RouteNotFound("Check the address; /docs/ lists what is offered.")
    return shaped(request, error) or render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    error = MatteryError("The error has been logged. Name the request_id when you report it.")
    # Without the request: what fills the dashboard's frame may be the very thing that fails.
    return shaped(request, error) or HttpResponse(render_to_string("500.html"), status=500)
