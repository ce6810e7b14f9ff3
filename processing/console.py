"""The operator console: Django's admin for the people who run the whole installation."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.csp import CSP
from django.utils.http import urlencode
from django.views.decorators.csp import csp_override
from unfold.sites import UnfoldAdminSite

from accounts.models import Tenant
from processing import audit, overview

# Alpine.js, which the console's pages are made with, evaluates its expressions.
SECURE_CSP: dict[str, Any] = {**settings.SECURE_CSP, "script-src": [CSP.SELF, CSP.UNSAFE_EVAL]}


class OperatorSite(UnfoldAdminSite):  # type: ignore[misc]
    index_title = "Overview"

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:
        guarded: Callable[..., HttpResponse] = super().admin_view(view, cacheable)
        return csp_override(SECURE_CSP)(guarded)

    def login(self, request: HttpRequest, _extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Operators sign in where everybody does; whoever is signed in and no operator is told so."""
        next_url = request.GET.get("next") or reverse("admin:index")
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            return render(request, "admin/operators_only.html", status=403)
        return redirect(f"{reverse(settings.LOGIN_URL)}?{urlencode({'next': next_url})}")

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        answer: HttpResponse = super().index(request, {**(extra_context or {}), "overview": overview.now()})
        return answer

    def record_act(self, act: str, request: HttpRequest, obj: Model, what: str) -> None:
        """Every change that an operator makes passes here; see accounts.console.ConsoleAdmin."""
        tenant = obj if isinstance(obj, Tenant) else getattr(obj, "tenant", None)
        detail = f"{obj._meta.verbose_name} {obj}: {what}"
        audit.record(request, action=f"admin.{act}", tenant=tenant, detail=detail)
