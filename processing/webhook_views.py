"""The dashboard's pages about webhooks: owners and admins manage them, everybody else sees that there are some."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts import webhooks as endpoints
from accounts.callers import Caller
from accounts.models import WebhookEndpoint
from accounts.workspace import in_workspace
from config.errors import MatteryError
from processing import webhooks
from processing.forms import WebhookForm
from processing.models import DeliveryState, WebhookDelivery

LOG_PAGE = 20


@require_safe
@in_workspace
def webhook_list(request: HttpRequest, caller: Caller) -> HttpResponse:
    return _list_page(request, WebhookForm())


@require_POST
@never_cache
@in_workspace
def create(request: HttpRequest, caller: Caller) -> HttpResponse:
    caller.require_webhook_management()
    form = WebhookForm(request.POST)
    if not form.is_valid():
        return _list_page(request, form, status=422)
    try:
        webhook, secret = webhooks.add(caller, **form.cleaned_data)
    except MatteryError as error:
        form.add_error("url" if error.param == "url" else None, error.detail)
        return _list_page(request, form, status=error.status)
    return _webhook_page(request, webhook, secret=secret, is_new=True)


@require_safe
@vary_on_headers("HX-Request")
@in_workspace
def webhook(request: HttpRequest, caller: Caller, webhook_id: UUID) -> HttpResponse:
    caller.require_webhook_management()
    return _webhook_page(request, endpoints.get(webhook_id))


@require_POST
@never_cache
@in_workspace
def rotate(request: HttpRequest, caller: Caller, webhook_id: UUID) -> HttpResponse:
    endpoint, secret = webhooks.rotate_secret(caller, webhook_id)
    return _webhook_page(request, endpoint, secret=secret)


@require_POST
@in_workspace
def enable(request: HttpRequest, caller: Caller, webhook_id: UUID) -> HttpResponse:
    webhooks.change(caller, webhook_id, enabled=True)
    messages.success(request, "The webhook is enabled. It is told of what happens from now on.")
    return redirect("webhook", webhook_id)


@require_POST
@in_workspace
def disable(request: HttpRequest, caller: Caller, webhook_id: UUID) -> HttpResponse:
    webhooks.change(caller, webhook_id, enabled=False)
    messages.success(request, "The webhook is disabled. Nothing is sent there until you enable it again.")
    return redirect("webhook", webhook_id)


@require_POST
@in_workspace
def test(request: HttpRequest, caller: Caller, webhook_id: UUID) -> HttpResponse:
    webhooks.ping(caller, webhook_id)
    return redirect("webhook", webhook_id)


@require_POST
@in_workspace
def replay(request: HttpRequest, caller: Caller, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    webhooks.replay(caller, webhook_id, delivery_id)
    return redirect("webhook", webhook_id)


@require_POST
@in_workspace
def delete(request: HttpRequest, caller: Caller, webhook_id: UUID) -> HttpResponse:
    webhooks.remove(caller, webhook_id)
    messages.success(request, "The webhook is deleted, with the log of its deliveries.")
    return redirect("webhooks")


def _list_page(request: HttpRequest, form: WebhookForm, *, status: int = 200) -> HttpResponse:
    context = {"form": form, "webhooks": WebhookEndpoint.objects.all()}
    return render(request, "processing/webhooks.html", context, status=status)


def _webhook_page(request: HttpRequest, endpoint: WebhookEndpoint, **context: object) -> HttpResponse:
    log = WebhookDelivery.objects.filter(endpoint=endpoint).defer("payload")
    page = Paginator(log, LOG_PAGE).get_page(request.GET.get("page"))
    is_moving = any(line.state == DeliveryState.PENDING and line.attempts <= 1 for line in page)
    template = "processing/_deliveries.html" if request.htmx else "processing/webhook.html"  # type: ignore[attr-defined]
    return render(request, template, {"webhook": endpoint, "page": page, "is_moving": is_moving, **context})
