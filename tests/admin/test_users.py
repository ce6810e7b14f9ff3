from collections.abc import Callable
from http import HTTPStatus

from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.admin.conftest import Press
from tests.conftest import make_user


def test_a_new_user_has_no_password_yet(console: Client, acts: Callable[[], object]) -> None:
    console.post(reverse("admin:accounts_user_add"), {"email": "Ann@Example.com", "name": "Ann", "is_active": "on"})
    ann = User.objects.get(email="ann@example.com")
    assert not ann.has_usable_password()
    assert acts() == [("admin.add", "user ann@example.com: Added.")]


def test_an_address_is_used_once_however_it_is_written(console: Client, operator: User) -> None:
    answer = console.post(reverse("admin:accounts_user_add"), {"email": operator.email.upper(), "is_active": "on"})
    assert "already exists" in answer.content.decode()


def test_a_reset_mail_lets_a_new_user_set_a_password(press: Press, db: None, acts: Callable[[], object]) -> None:
    ann = User.objects.create_user("ann@example.com")
    press("send_password_reset", ann)
    (message,) = mail.outbox
    assert message.to == [ann.email]
    assert "/accounts/password/reset/key/" in message.body
    assert acts() == [("admin.change", "user ann@example.com: Password reset mail sent.")]


def test_no_mail_goes_to_somebody_who_is_deactivated(press: Press, db: None) -> None:
    answer = press("send_password_reset", make_user("gone", is_active=False))
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert mail.outbox == []


def test_operators_cannot_lock_themselves_out(console: Client, operator: User) -> None:
    console.post(reverse("admin:accounts_user_change", args=[operator.pk]), {"email": operator.email, "name": "Olga"})
    operator.refresh_from_db()
    assert (operator.name, operator.is_operator, operator.is_active) == ("Olga", True, True)


def test_a_user_is_never_deleted(console: Client, db: None) -> None:
    answer = console.post(reverse("admin:accounts_user_delete", args=[make_user("ann").pk]), {"post": "yes"})
    assert answer.status_code == HTTPStatus.FORBIDDEN
