"""What `manage.py check --deploy` asks of this app's settings."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def only_public_hosts_are_fetched_from(**_: Any) -> list[CheckMessage]:
    if not settings.FETCH_ALLOWED_HOSTS:
        return []
    return [
        Error(
            "FETCH_ALLOWED_HOSTS lets customers reach hosts beside the platform.",
            hint="Unset it: it is for development and tests.",
            id="processing.E001",
        )
    ]
