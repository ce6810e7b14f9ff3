from http import HTTPStatus

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.tenancy import platform_scope
from tests.admin.conftest import make_busy_account
from tests.conftest import Account

MODELS: list[type[Model]] = sorted(admin.site._registry, key=str)
EVERY_MODEL = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


def address(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def queries_of(console: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert console.get(url).status_code == HTTPStatus.OK
    return len(queries)


@EVERY_MODEL
def test_a_list_takes_the_same_queries_for_more_rows(console: Client, acme: Account, model: type[Model]) -> None:
    url = address(model, "changelist")
    console.get(url)
    before = queries_of(console, url)
    for name in ("Bergmann", "Northwind"):
        make_busy_account(name)
    assert queries_of(console, url) == before
    assert before < 15


@EVERY_MODEL
def test_every_object_has_a_page(console: Client, acme: Account, model: type[Model]) -> None:
    with platform_scope():
        obj = model._default_manager.first()
    assert obj is not None
    for page in ("change", "history"):
        assert console.get(address(model, page, obj.pk)).status_code == HTTPStatus.OK


@EVERY_MODEL
def test_what_may_be_added_has_a_form(console: Client, operator: User, model: type[Model]) -> None:
    request = RequestFactory().get("/")
    request.user = operator
    may_add = admin.site._registry[model].has_add_permission(request)
    expected = HTTPStatus.OK if may_add else HTTPStatus.FORBIDDEN
    assert console.get(address(model, "add")).status_code == expected


@EVERY_MODEL
def test_an_unknown_id_leads_back_to_the_overview(console: Client, model: type[Model]) -> None:
    assert console.get(address(model, "change", "nonsense")).status_code == HTTPStatus.FOUND


def test_no_page_shows_a_digest(console: Client, acme: Account) -> None:
    with platform_scope():
        key = acme.tenant.api_keys.get()
    pages = [
        address(type(key), "changelist"),
        address(type(key), "change", key.pk),
        address(type(acme.tenant), "change", acme.tenant.pk),
    ]
    for page in pages:
        shown = console.get(page).content.decode()
        assert key.prefix in shown
        assert key.digest not in shown


def test_no_page_shows_a_password(console: Client, acme: Account) -> None:
    shown = console.get(address(User, "change", acme.owner.pk)).content.decode()
    assert acme.owner.email in shown
    assert acme.owner.password not in shown
