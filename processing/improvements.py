"""Images that tenants send in so that the models become better: only with consent, and so many a day."""

from datetime import timedelta

from django.utils import timezone

from accounts.callers import Caller
from accounts.errors import ConsentMissing, RateLimited
from accounts.models import Tenant
from config.limits import LIMITS
from config.text import printable
from processing import images, jobs
from processing.engine import decode
from processing.images import Kind
from processing.models import ImprovementSubmission


def require_consent(tenant: Tenant) -> None:
    if not tenant.allows_improvement:
        raise ConsentMissing("Images are taken in only with this account's consent. Ask the operator to note it.")


def submit(caller: Caller, data: bytes, *, filename: str = "", tag: str = "") -> ImprovementSubmission:
    """Keeps one image for the operator to look at.

    Raises ConsentMissing, RateLimited, StorageUnavailable or an ImageError; then nothing is left behind.
    """
    require_consent(caller.tenant)
    info = decode.inspect(data, jobs.limits_of(caller.tenant.plan))
    submission = ImprovementSubmission(
        tenant=caller.tenant,
        api_key=caller.api_key,
        filename=printable(filename[-255:], 255),
        tag=printable(tag[:100], 100),
        original_format=info.format,
        original_bytes=len(data),
        width=info.width,
        height=info.height,
    )
    with caller.scope():
        _require_room(caller.tenant)
        submission.save(force_insert=True)
        images.store(submission, Kind.ORIGINAL, data)
    return submission


def _require_room(tenant: Tenant) -> None:
    """Holds the tenant's row until the submission is there, so that two at once count each other."""
    Tenant.objects.select_for_update().get(pk=tenant.pk)
    most = LIMITS.submissions_per_day
    if ImprovementSubmission.objects.of_today().count() >= most:
        now = timezone.now()
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        raise RateLimited(
            f"{most} images a day are taken in, and these have come. Try again tomorrow (UTC).",
            retry_after_s=int((midnight - now).total_seconds()) + 1,
        )
