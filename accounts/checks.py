"""Whether the wall in the database stands: asked by `manage.py check --deploy --database default`, and by the web
server and the workers before they start."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import OperationalError, connection, connections

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


def require_fenced_role() -> None:
    """For a process that is about to fork and serve. Raises SystemExit: behind a broken wall nothing starts."""
    try:
        found = database_role_is_fenced_in(databases=[connection.alias])
    except OperationalError as error:
        raise SystemExit(f"PostgreSQL cannot be asked for the role's rights: {error}") from None
    finally:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]  # its threads would not survive the fork
    for problem in found:
        raise SystemExit(f"{problem.msg} {problem.hint}")
