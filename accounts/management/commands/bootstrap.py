import json
import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import keys
from accounts.models import Membership, Plan, Role, Tenant, User
from accounts.tenancy import platform_scope
from config import env


class Command(BaseCommand):
    help = (
        "Makes the first tenant, its owner (also the operator) and an API key, and prints them as JSON, once. "
        "BOOTSTRAP_OWNER=email:password names the owner."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        email, password = self._parsed(env.text("BOOTSTRAP_OWNER"))
        with platform_scope():
            if Tenant.objects.exists():
                return
            self.stdout.write(json.dumps(self._first_run(email, password)))

    def _parsed(self, owner: str) -> tuple[str, str]:
        if not owner:
            return "owner@localhost.localdomain", secrets.token_urlsafe(12)
        email, _, password = owner.partition(":")
        if "@" not in email or not password:
            raise CommandError("BOOTSTRAP_OWNER must be email:password.")
        return email, password

    def _first_run(self, email: str, password: str) -> dict[str, str]:
        plan, _ = Plan.objects.get_or_create(name="Standard")
        tenant = Tenant.objects.create(name="First tenant", plan=plan)
        user = User.objects.create_user(email, password, is_operator=True)
        Membership.objects.create(tenant=tenant, user=user, role=Role.OWNER)
        _, plain = keys.issue(tenant, name="First key", created_by=user)
        url = settings.PUBLIC_URL or f"http://127.0.0.1:{settings.PORT}"
        return {"url": url, "email": user.email, "password": password, "api_key": plain}
