from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import keys
from accounts.callers import Caller
from accounts.errors import AccountError
from accounts.forms import ApiKeyForm
from accounts.models import ApiKey
from accounts.workspace import in_workspace


@require_safe
@in_workspace
def api_keys(request: HttpRequest, caller: Caller) -> HttpResponse:
    return _keys_page(request, ApiKeyForm())


@require_POST
@never_cache
@in_workspace
def create_key(request: HttpRequest, caller: Caller) -> HttpResponse:
    caller.require_key_management()
    form = ApiKeyForm(request.POST)
    if not form.is_valid():
        return _keys_page(request, form, status=422)
    try:
        key, plain = keys.issue(
            caller.tenant, name=form.cleaned_data["name"], created_by=caller.user, expires_at=form.expires_at
        )
    except AccountError as error:
        form.add_error(None, error.detail)
        return _keys_page(request, form, status=error.status)
    return _keys_page(request, ApiKeyForm(), new_key=key, new_key_plain=plain)


@require_POST
@in_workspace
def revoke_key(request: HttpRequest, caller: Caller, key_id: int) -> HttpResponse:
    caller.require_key_management()
    key = ApiKey.objects.filter(pk=key_id).first()
    if key is None:
        raise Http404
    keys.revoke(key)
    messages.success(request, f"{key.name} is revoked. Programs that use it are refused from now on.")
    return redirect("keys")


@require_POST
@login_required
def switch_workspace(request: HttpRequest) -> HttpResponse:
    """Only remembers the wish: whether the person belongs there is decided on every request."""
    request.session["tenant"] = request.POST.get("tenant", "")
    return redirect("home")


def _keys_page(request: HttpRequest, form: ApiKeyForm, *, status: int = 200, **context: object) -> HttpResponse:
    return render(
        request,
        "accounts/keys.html",
        {"form": form, "api_keys": ApiKey.objects.select_related("created_by"), **context},
        status=status,
    )
