from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import unquote

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

from accounts.tenancy import platform_scope


class OperatorScopeMiddleware:
    """The operator console sees every tenant. Only an operator gets that scope; everybody else meets its login page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/admin/") and "\0" in unquote(request.META.get("QUERY_STRING", "")):
            return HttpResponseBadRequest("A filter holds a character that no text has.", content_type="text/plain")
        if not request.path.startswith("/admin/") or not getattr(request.user, "is_operator", False):
            return self.get_response(request)
        with platform_scope():
            response = self.get_response(request)
            if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:  # an exception, which Django has caught by now
                transaction.set_rollback(True)
            return response
