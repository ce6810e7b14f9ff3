"""Checks at start that the walls between tenants stand: `manage.py check --deploy --database default`."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

ROLE_QUERY = """
    SELECT rolsuper OR rolbypassrls,
           EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid AND relname LIKE 'accounts_%%')
    FROM pg_roles WHERE rolname = current_user
"""


@register(Tags.database, deploy=True)  # not with every command: migrations do run as the owner
def database_role_is_fenced_in(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for alias in databases or ():
        with connections[alias].cursor() as cursor:
            cursor.execute(ROLE_QUERY)
            bypasses_row_security, owns_tables = cursor.fetchone()
        if bypasses_row_security:
            found.append(
                Error(
                    "The database role ignores row-level security.",
                    hint="Connect as a role without SUPERUSER and BYPASSRLS; deploy/roles.sql makes one.",
                    id="accounts.E001",
                )
            )
        if owns_tables:
            found.append(
                Error(
                    "The database role owns the tables, so it could switch row-level security off.",
                    hint="Use DATABASE_OWNER_URL for migrations only and the app role in DATABASE_URL.",
                    id="accounts.E002",
                )
            )
    return found
