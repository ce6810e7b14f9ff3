from collections.abc import Callable
from http import HTTPStatus

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from accounts.tenancy import platform_scope


class OperatorScopeMiddleware:
    """The operator console sees every tenant. Only an operator gets that scope; everybody else meets its login page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/admin/") or not getattr(request.user, "is_operator", False):
            return self.get_response(request)
        request.META["QUERY_STRING"] = request.META["QUERY_STRING"].replace("%00", "")  # no text in PostgreSQL has it
        with platform_scope():
            response = self.get_response(request)
            if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:  # an exception, which Django has caught by now
                transaction.set_rollback(True)
            return response
