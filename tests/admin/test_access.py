import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.messages import MessageFailure
from django.test import Client
from django.urls import get_resolver, reverse
from pytest_django import Settings

from accounts.models import Tenant
from accounts.tenancy import platform_scope
from tests.admin.conftest import Press
from tests.conftest import Account, make_user

SAMPLES: dict[str, Any] = {
    "object_id": "1",
    "job_id": uuid.UUID(int=1),
    "submission_id": uuid.UUID(int=1),
    "kind": "result",
    "app_label": "accounts",
    "content_type_id": 1,
    "user_id": 1,
}
SIGN_IN, SIGN_OUT = "login", "logout"  # lead away from the console, for whoever asks


def console_addresses() -> list[str]:
    """Every page of the console, with some id where one is needed."""
    _, resolver = get_resolver().namespace_dict["admin"]
    names = [name for name in resolver.reverse_dict if isinstance(name, str) and name not in (SIGN_IN, SIGN_OUT)]
    routes = [route for name in names for routes, *_ in resolver.reverse_dict.getlist(name) for route in routes]
    return sorted({reverse("admin:index") + path % {name: SAMPLES[name] for name in wanted} for path, wanted in routes})


def is_sent_to_the_sign_in(client: Client, address: str) -> bool:
    answers = client.get(address), client.post(address)
    return all(getattr(answer, "url", "").startswith(reverse("admin:login")) for answer in answers)


def test_the_walk_finds_the_pages_that_matter() -> None:
    assert {"/admin/", "/admin/accounts/tenant/", "/admin/processing/auditrecord/export/"} <= set(console_addresses())


@pytest.mark.parametrize("address", console_addresses())
def test_a_stranger_sees_no_page(client: Client, db: None, address: str) -> None:
    assert is_sent_to_the_sign_in(client, address)


@pytest.mark.parametrize("address", console_addresses())
def test_somebody_who_is_no_operator_sees_no_page(client: Client, db: None, address: str) -> None:
    client.force_login(make_user("visitor"))
    assert is_sent_to_the_sign_in(client, address)


def test_the_sign_in_leads_back_to_the_page(client: Client, db: None) -> None:
    page = reverse("admin:processing_job_changelist")
    assert client.get(page, follow=True).context["redirect_field_value"] == page


def test_somebody_who_is_no_operator_is_told_so(client: Client, db: None) -> None:
    visitor = make_user("visitor")
    client.force_login(visitor)
    answer = client.get(reverse("admin:index"), follow=True)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert visitor.email in answer.content.decode()


def test_an_operator_who_is_deactivated_is_a_stranger(client: Client, db: None) -> None:
    operator = make_user("operator", is_operator=True)
    client.force_login(operator)
    operator.is_active = False
    operator.save()
    assert client.get(reverse("admin:index"), follow=True).resolver_match.url_name == "account_login"


def test_an_act_that_fails_half_way_leaves_nothing(
    console: Client, press: Press, acme: Account, acts: Callable[[], object], settings: Settings
) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.endswith(".MessageMiddleware")]
    console.raise_request_exception = False
    answer = press("suspend", acme.tenant)  # saved and traced, before it fails to say so
    assert (answer.status_code, answer.exc_info[0]) == (HTTPStatus.INTERNAL_SERVER_ERROR, MessageFailure)
    with platform_scope():
        assert not Tenant.objects.get(pk=acme.tenant.pk).is_suspended
    assert acts() == []


def test_only_the_console_may_evaluate_scripts(console: Client) -> None:
    assert "'unsafe-eval'" in console.get(reverse("admin:index"))["Content-Security-Policy"]
    assert "'unsafe-eval'" not in console.get(reverse("account_reset_password"))["Content-Security-Policy"]
