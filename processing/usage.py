"""What a tenant has used: its jobs, counted by day, key or model. Credits are those of the jobs that succeeded, as the
ledger has them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from statistics import median
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import TruncDate

from processing.models import Job, JobQuerySet, State

RECENT_JOBS = 200


class GroupBy(StrEnum):
    DAY = "day"
    KEY = "key"
    MODEL = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """`group` is a day, the prefix of a key (none: made in the dashboard) or the name of a model."""

    group: str | None
    jobs: int
    succeeded: int
    failed: int
    credits: Decimal
    megapixels: float


GROUPS = {
    GroupBy.DAY: TruncDate("created_at", tzinfo=UTC),
    GroupBy.KEY: F("api_key__prefix"),
    GroupBy.MODEL: F("model"),
}
COUNTED: dict[str, Any] = {
    "jobs": Count("pk"),
    "succeeded": Count("pk", filter=Q(state=State.SUCCEEDED)),
    "failed": Count("pk", filter=Q(state=State.FAILED)),
    "credits": Sum("credits", filter=Q(state=State.SUCCEEDED)),
    "pixels": Sum(F("width") * F("height"), filter=Q(state=State.SUCCEEDED)),
}


def between(first: date, last: date) -> JobQuerySet:
    """Jobs accepted on those days, both included, in UTC. Needs the tenant's scope."""
    begins = datetime.combine(first, time.min, UTC)
    ends = datetime.combine(last + timedelta(days=1), time.min, UTC)
    found: JobQuerySet = Job.objects.filter(created_at__gte=begins, created_at__lt=ends)
    return found


def grouped(rows: JobQuerySet, by: GroupBy) -> list[Usage]:
    found = rows.order_by().values(group=GROUPS[by]).annotate(**COUNTED).order_by("group")
    return [_usage(**line) for line in found]


def total(rows: JobQuerySet) -> Usage:
    return _usage(group=None, **rows.aggregate(**COUNTED))


def _usage(*, group: object, **counted: Any) -> Usage:
    """Sums over no rows are None."""
    pixels: int = counted.pop("pixels") or 0
    return Usage(
        group=None if group is None else str(group),
        credits=counted.pop("credits") or Decimal(0),
        megapixels=round(pixels / 1_000_000, 3),
        **counted,
    )


def median_inference_ms() -> dict[str, float]:
    """By model, of this tenant's latest jobs. Needs the tenant's scope."""
    latest = Job.objects.filter(state=State.SUCCEEDED).values_list("model", "timings_ms")[:RECENT_JOBS]
    models = {model for model, _ in latest}
    return {model: median(_inference_ms(latest, model)) for model in models}


def _inference_ms(jobs: Iterable[tuple[str, dict[str, float]]], model: str) -> list[float]:
    return [timings.get("inference", 0.0) for name, timings in jobs if name == model]
