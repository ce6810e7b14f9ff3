"""What a program's author looks up: the page of all errors and, for the API reference, the ways to sign in."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import OpenApiJsonRenderer

from config.errors import MatteryError


@require_safe
def errors(request: HttpRequest) -> HttpResponse:
    """What the `type` of every error points at."""
    return render(request, "api/errors.html", {"errors": [*MatteryError.concrete(), MatteryError]})


@require_safe
def openapi(_request: HttpRequest) -> HttpResponse:
    """The description of the API for machines; the same for everybody, and made once."""
    return HttpResponse(_openapi(), content_type="application/vnd.oai.openapi+json")


@cache
def _openapi() -> bytes:
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    rendered: bytes = OpenApiJsonRenderer().render(schema)
    return rendered


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.ApiKeyAuthentication"
    name = ["X-API-Key", "Bearer"]

    def get_security_requirement(self, _auto_schema: AutoSchema) -> list[dict[str, list[object]]]:
        return [{name: []} for name in self.name]  # either, not both

    def get_security_definition(self, _auto_schema: AutoSchema) -> list[dict[str, object]]:
        return [{"type": "apiKey", "in": "header", "name": "X-API-Key"}, {"type": "http", "scheme": "bearer"}]


class DashboardScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.DashboardAuthentication"
    name = "Dashboard session"

    def get_security_definition(self, _auto_schema: AutoSchema) -> dict[str, object]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
