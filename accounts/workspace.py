"""The dashboard's frame: whose workspace a signed-in person is in."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from accounts import callers
from accounts.callers import Caller
from accounts.errors import TenantSuspended
from config.errors import MatteryError

type Page[**P] = Callable[Concatenate[HttpRequest, Caller, P], HttpResponseBase]


def in_workspace[**P](page: Page[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Gives a page its caller and runs it, rendering included, in that tenant's scope."""

    @login_required
    @wraps(page)
    def framed(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            caller = callers.by_person(request.user, request.session.get("tenant"))  # type: ignore[arg-type]
        except TenantSuspended as error:
            return render(request, "accounts/no_workspace.html", {"reason": error.detail}, status=error.status)
        if caller is None:
            reason = "You do not belong to an account yet. Ask its owner or the operator to add you."
            return render(request, "accounts/no_workspace.html", {"reason": reason}, status=403)
        callers.remember(request, caller)
        try:
            with caller.scope():
                return page(request, caller, *args, **kwargs)
        except MatteryError as error:
            return render(request, "problem.html", {"error": error}, status=error.status)

    return framed  # type: ignore[return-value]  # wraps() and login_required() say less than they do


def frame(request: HttpRequest) -> dict[str, Any]:
    """What every page of the dashboard shows around its content."""
    caller = callers.of(request)
    if caller is None or caller.membership is None:
        return {}
    with caller.scope():
        allowance = caller.tenant.current_allowance()
    return {
        "caller": caller,
        "tenant": caller.tenant,
        "membership": caller.membership,
        "allowance": allowance,
        "workspaces": caller.workspaces,
    }
