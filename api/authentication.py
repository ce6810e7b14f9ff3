from copy import copy
from typing import Any, cast

from django.http import HttpRequest, QueryDict
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from accounts import callers, rates
from accounts.callers import Caller
from accounts.errors import KeyMissing


def given_key(request: HttpRequest) -> str | None:
    """The API key that the request carries; None when it carries none at all."""
    if "X-API-Key" in request.headers:
        return request.headers["X-API-Key"].strip()
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else None


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        key = given_key(request._request)
        return None if key is None else _remembered(request, callers.by_key(key))

    def authenticate_header(self, _request: Request) -> str:
        return "Bearer"


class DashboardAuthentication(SessionAuthentication):
    """The dashboard's own calls: a signed-in person, with Django's CSRF token."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        user = getattr(request._request, "user", None)
        if user is None or not user.is_authenticated or not user.is_active:
            return None
        self.enforce_csrf(_without_body(request))
        caller = callers.by_person(user, request._request.session.get("tenant"))
        return None if caller is None else _remembered(request, caller)


def _without_body(request: Request) -> Request:
    """The token comes in a header: to look for it must not read a body whose size nobody has checked."""
    bare: Any = copy(request._request)
    bare.POST = QueryDict()
    return cast(Request, bare)


def _remembered(request: Request, caller: Caller) -> tuple[Caller, None]:
    return callers.remember(request._request, caller), None


def admitted(request: HttpRequest) -> Caller:
    """Who is asking a dialect that takes keys alone; the request counts against their rate."""
    caller = callers.remember(request, callers.by_key(given_key(request) or ""))
    rates.spend(caller, 1)
    return caller


def caller_of(request: Request) -> Caller:
    """Who is asking, once the request has been let in."""
    caller = callers.of(request._request)
    if caller is None:
        raise KeyMissing
    return caller
