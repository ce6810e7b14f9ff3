from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import ApiKey, Tenant, User, WebhookEndpoint
from accounts.tenancy import TenantManager, TenantQuerySet
from config.limits import LIMITS


class State(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


# What may follow what. JobQuerySet.move() is the only way to change a state, and it holds this table.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.QUEUED, State.RUNNING, State.FAILED, State.CANCELED}),
    State.RUNNING: frozenset({State.RUNNING, State.QUEUED, State.SUCCEEDED, State.FAILED, State.CANCELED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELED: frozenset(),
}
FINAL = [state for state, following in TRANSITIONS.items() if not following]


class JobQuerySet(TenantQuerySet["Job"]):
    def move(self, to: State, **changes: Any) -> int:
        """Moves those rows whose state allows it, in one UPDATE; how many there were says who won a race."""
        sources = [state for state, following in TRANSITIONS.items() if to in following]
        return self.filter(state__in=sources).update(state=to, **changes)

    def lease(self, job_id: uuid.UUID) -> uuid.UUID | None:
        """Takes a job for one run, counting the attempt before it begins; None when there is nothing to do."""
        lease, now = uuid.uuid4(), timezone.now()
        free = Q(state=State.QUEUED) | Q(state=State.RUNNING, lease_expires_at__lt=now)
        taken = self.filter(free, id=job_id, attempts__lt=LIMITS.attempts).move(
            State.RUNNING,
            lease=lease,
            lease_expires_at=now + timedelta(seconds=LIMITS.lease_s),
            attempts=F("attempts") + 1,
            started_at=now,
        )
        return lease if taken else None

    def held(self, job_id: uuid.UUID, lease: uuid.UUID) -> JobQuerySet:
        """The row, as long as this lease is the one that owns it."""
        return self.filter(id=job_id, lease=lease, state=State.RUNNING)

    def abandoned(self) -> JobQuerySet:
        """Running by name only: their worker has not renewed its lease."""
        return self.filter(state=State.RUNNING, lease_expires_at__lt=timezone.now())

    def overlooked(self) -> JobQuerySet:
        """On the queue for so long that the queue may have lost them."""
        return self.filter(state=State.QUEUED, queued_at__lt=timezone.now() - timedelta(seconds=LIMITS.pickup_s))

    def unfinished(self) -> JobQuerySet:
        return self.filter(state__in=[State.QUEUED, State.RUNNING])

    def count_by_state(self) -> dict[State, int]:
        counted = self.order_by().values_list("state").annotate(models.Count("pk"))
        return dict.fromkeys(State, 0) | {State(state): count for state, count in counted}

    def before(self, job: Job) -> JobQuerySet:
        """What waits longer for a worker than this one."""
        return self.filter(state=State.QUEUED, queued_at__lt=job.queued_at)

    def past_retention(self, now: datetime) -> JobQuerySet:
        return self.filter(state__in=FINAL, images_removed_at=None, images_expire_at__lt=now)


class Job(models.Model):
    """One image to cut out."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="jobs")
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, related_name="+")
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    request_id = models.CharField(max_length=64, blank=True)

    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.CharField(max_length=500, blank=True)

    filename = models.CharField(max_length=255, blank=True)  # for people to recognise it; never part of a path
    options = models.JSONField(default=dict)
    model = models.CharField(max_length=60)
    model_version = models.CharField(max_length=80, blank=True)
    provider = models.CharField(max_length=40, blank=True)
    precision = models.CharField(max_length=10, blank=True, db_default="")
    credits = models.DecimalField(max_digits=8, decimal_places=2, default=Decimal(1))

    original_format = models.CharField(max_length=10)
    original_bytes = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    result_media_type = models.CharField(max_length=40, blank=True)
    result_bytes = models.PositiveBigIntegerField(null=True)
    result_width = models.PositiveIntegerField(null=True)
    result_height = models.PositiveIntegerField(null=True)
    foreground_box = models.JSONField(null=True)  # left, top, width, height in the result; null where there is none
    has_preview = models.BooleanField(default=False)
    has_foreground = models.BooleanField(default=True)
    timings_ms = models.JSONField(default=dict)

    created_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    images_expire_at = models.DateTimeField()
    images_removed_at = models.DateTimeField(null=True)

    objects = TenantManager.from_queryset(JobQuerySet)()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="job_history"),
            models.Index(fields=["created_at"], name="job_by_day"),
            models.Index(fields=["request_id"], name="job_by_request"),
            models.Index(
                fields=["state", "queued_at"],
                name="job_unfinished",
                condition=Q(state__in=["queued", "running"]),
            ),
            models.Index(
                fields=["tenant"],
                name="job_unfinished_of_tenant",
                condition=Q(state__in=["queued", "running"]),
            ),
            models.Index(
                fields=["images_expire_at"],
                name="job_retention",
                condition=Q(images_removed_at=None),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease__isnull=False, lease_expires_at__isnull=False),
                name="running_means_leased",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"]) | Q(finished_at__isnull=False),
                name="final_means_finished",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def credits_charged(self) -> str:
        """As text, so that nobody rounds it: 1, or 0.25."""
        return f"{self.credits.normalize():f}" if self.state == State.SUCCEEDED else "0"

    @property
    def is_finished(self) -> bool:
        return self.state in FINAL

    @property
    def has_images(self) -> bool:
        """Not once they are to be removed, even if that is still to be done."""
        return self.images_removed_at is None and self.images_expire_at > timezone.now()

    @property
    def duration_ms(self) -> int | None:
        """From acceptance to the end, as the caller saw it."""
        return int((self.finished_at - self.created_at).total_seconds() * 1000) if self.finished_at else None


class IdempotentRequest(models.Model):
    """A request that came with an Idempotency-Key, and what was answered; see processing/idempotency.py."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    job_id = models.UUIDField(default=uuid.uuid4)
    created_at = models.DateTimeField(db_index=True)
    claimed_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(null=True)

    objects = TenantManager.from_queryset(TenantQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="one_request_per_idempotency_key")]

    def __str__(self) -> str:
        return self.key

    @property
    def is_answered(self) -> bool:
        return self.status is not None


class ImprovementSubmissionQuerySet(TenantQuerySet["ImprovementSubmission"]):
    def of_today(self) -> ImprovementSubmissionQuerySet:
        return self.filter(created_at__gte=timezone.now().replace(hour=0, minute=0, second=0, microsecond=0))


class ImprovementSubmission(models.Model):
    """An image that a tenant has sent in so that the models become better. Kept until the operator removes it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, related_name="+")
    filename = models.CharField(max_length=255, blank=True)
    tag = models.CharField(max_length=100, blank=True)
    original_format = models.CharField(max_length=10)
    original_bytes = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    has_images = True  # as images.py asks of a job
    objects = TenantManager.from_queryset(ImprovementSubmissionQuerySet)()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["tenant", "-created_at"], name="submission_by_tenant")]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def pixels(self) -> int:
        return self.width * self.height


class DeliveryState(models.TextChoices):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookDeliveryQuerySet(TenantQuerySet["WebhookDelivery"]):
    def idle(self) -> WebhookDeliveryQuerySet:
        """Which nobody is sending at this moment."""
        return self.filter(Q(lease=None) | Q(lease_expires_at__lt=timezone.now()))

    def under_way(self) -> WebhookDeliveryQuerySet:
        return self.filter(state=DeliveryState.PENDING, lease__isnull=False, lease_expires_at__gte=timezone.now())

    def due(self) -> WebhookDeliveryQuerySet:
        enabled = Q(endpoint__disabled_at=None)
        return self.idle().filter(enabled, state=DeliveryState.PENDING, next_attempt_at__lte=timezone.now())

    def give_up(self, why: str) -> None:
        """Those that wait; what is under way goes on."""
        self.idle().filter(state=DeliveryState.PENDING).update(
            state=DeliveryState.FAILED, lease=None, next_attempt_at=None, error=why
        )


class WebhookDelivery(models.Model):
    """A message to an endpoint, and how far it has got; see processing/deliveries.py."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    # Without a constraint: an endpoint that is deleted just then must not keep a job from ending.
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="deliveries"
    )
    event = models.CharField(max_length=40)
    job_id = models.UUIDField(null=True)
    payload = models.TextField()  # as it is signed and sent, every time
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)  # since it was written, or replayed
    lease = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    attempted_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)  # what the last attempt was answered with
    answer = models.TextField(blank=True)
    error = models.CharField(max_length=500, blank=True)  # why there was no answer
    durations_ms = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)

    objects = TenantManager.from_queryset(WebhookDeliveryQuerySet)()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["endpoint", "-created_at", "-id"], name="delivery_log"),
            models.Index(fields=["created_at"], name="delivery_by_day"),
            models.Index(fields=["next_attempt_at"], name="delivery_due", condition=Q(state="pending")),
            models.Index(
                fields=["tenant"], name="delivery_under_way", condition=Q(state="pending", lease__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="pending") | Q(next_attempt_at__isnull=False), name="pending_means_due_some_time"
            ),
        ]

    def __str__(self) -> str:
        return self.message_id

    @staticmethod
    def overlooked_from(published_at: datetime) -> datetime:
        """When the sweeper may take one that was just put on the queue: the queue must have lost it."""
        return published_at + timedelta(seconds=LIMITS.pickup_s)

    @property
    def message_id(self) -> str:
        """The same in every attempt: receivers know by it what they have had already."""
        return f"msg_{self.id.hex}"

    def claim(self) -> bool:
        """Takes it for one attempt, counted before it begins; False when it is not due or somebody else is at it."""
        lease, now = uuid.uuid4(), timezone.now()
        taken = (
            WebhookDelivery.objects.idle()
            .filter(Q(attempts=0) | Q(next_attempt_at__lte=now), pk=self.pk, state=DeliveryState.PENDING)
            .update(
                lease=lease,
                lease_expires_at=now + timedelta(seconds=LIMITS.webhook_s + LIMITS.lease_s),
                attempts=F("attempts") + 1,
                attempted_at=now,
            )
        )
        if taken:
            self.refresh_from_db(fields=["lease", "lease_expires_at", "attempts", "attempted_at", "durations_ms"])
        return bool(taken)

    def held(self) -> WebhookDeliveryQuerySet:
        """The row, as long as the lease that was claimed is the one that owns it."""
        held: WebhookDeliveryQuerySet = WebhookDelivery.objects.filter(
            pk=self.pk, lease=self.lease, state=DeliveryState.PENDING
        )
        return held


class AuditRecord(models.Model):
    """One request, or one act of a person. Append-only, in the database too. Outlives what it names, so it holds no
    foreign key but the tenant's."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=40)
    api_key_prefix = models.CharField(max_length=24, blank=True)
    person = models.CharField(max_length=254, blank=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    method = models.CharField(max_length=10, blank=True)
    path = models.CharField(max_length=300, blank=True)
    status = models.PositiveSmallIntegerField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    bytes_in = models.PositiveBigIntegerField(default=0)
    bytes_out = models.PositiveBigIntegerField(default=0)
    pixels = models.PositiveBigIntegerField(null=True)
    model = models.CharField(max_length=60, blank=True)
    duration_ms = models.PositiveIntegerField(default=0)
    job_id = models.UUIDField(null=True)
    detail = models.CharField(max_length=300, blank=True)

    objects = TenantManager.from_queryset(TenantQuerySet)()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["tenant", "-at"], name="audit_by_tenant"),
            models.Index(fields=["api_key_prefix", "-at"], name="audit_by_key"),
            models.Index(fields=["ip", "-at"], name="audit_by_ip"),
            models.Index(fields=["request_id"], name="audit_by_request"),
            models.Index(fields=["job_id"], name="audit_by_job"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.method} {self.path} {self.status}"
