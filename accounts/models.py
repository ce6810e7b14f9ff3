from __future__ import annotations

import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.tenancy import TenantManager, TenantQuerySet

MEGABYTE = 1_000_000
ORIGIN = RegexValidator(
    r"^https?://[a-z0-9.-]+(:\d{1,5})?\Z", "An origin is https://, a host in small letters, no path."
)


class UserManager(BaseUserManager["User"]):
    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """An address is one person's, however it is written."""
        return super().normalize_email(email).lower()

    def with_email(self, email: str) -> User | None:
        return self.filter(email=self.normalize_email(email)).first()

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser):
    """A person. What they may do for a tenant says their Membership; an operator runs the whole installation."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100, blank=True)
    is_operator = models.BooleanField(default=False, help_text="May use the operator console and sees every tenant.")
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        self.email = User.objects.normalize_email(self.email)

    def get_full_name(self) -> str:
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        return self.is_operator

    def has_perm(self, _permission: str, _of: models.Model | None = None) -> bool:
        return self.is_active and self.is_operator

    def has_module_perms(self, _app: str) -> bool:
        return self.is_active and self.is_operator


class Plan(models.Model):
    name = models.CharField(max_length=60, unique=True)
    monthly_credits = models.PositiveIntegerField(default=1_000, help_text="One image costs one credit.")
    max_upload_mb = models.PositiveIntegerField(
        "largest upload (MB)",
        default=25,
        validators=[MinValueValidator(1)],
        help_text="Bytes of one image, in megabytes.",
    )
    max_megapixels = models.PositiveIntegerField("most megapixels", default=50, validators=[MinValueValidator(1)])
    requests_per_minute = models.PositiveIntegerField(
        default=300,
        validators=[MinValueValidator(1)],
        help_text="Of each API key and of each person in the dashboard; an image counts once for each megapixel.",
    )
    tenant_requests_per_minute = models.PositiveIntegerField(
        "requests per minute in all",
        default=3_000,
        db_default=3_000,
        validators=[MinValueValidator(1)],
        help_text="Of a tenant's keys and people together.",
    )
    max_unfinished_jobs = models.PositiveIntegerField(
        "most unfinished jobs",
        default=1_000,
        db_default=1_000,
        validators=[MinValueValidator(1)],
        help_text="Jobs of one tenant that may wait or run at the same time.",
    )
    retention_days = models.PositiveIntegerField(
        default=30,
        validators=[MinValueValidator(1)],
        help_text="Images are removed after that many days; the line in the history stays.",
    )

    def __str__(self) -> str:
        return self.name

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * MEGABYTE

    @property
    def max_pixels(self) -> int:
        return self.max_megapixels * MEGABYTE

    def apply(self) -> None:
        """To the current month of all its tenants."""
        Allowance.objects.filter(tenant__plan=self).grant_this_month(self.monthly_credits)


class Tenant(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="tenants")
    is_suspended = models.BooleanField(default=False, help_text="Its keys and people are refused; nothing is removed.")
    cors_origins = ArrayField(
        models.CharField(max_length=255, validators=[ORIGIN]),
        verbose_name="origins of web pages",
        default=list,
        db_default=[],
        blank=True,
        help_text="Pages from there may call the API in a browser (CORS), such as https://shop.example; "
        "several with commas.",
    )
    allows_improvement = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Its programs may send images in for improving the models; the operator sees these.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TenantManager.from_queryset(TenantQuerySet)()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def current_allowance(self) -> Allowance:
        """This month's allowance; made on first use, so that a new month needs no job to begin."""
        allowance, _ = Allowance.objects.get_or_create(
            tenant=self, month=this_month(), defaults={"granted": self.plan.monthly_credits}
        )
        return allowance

    def apply_plan(self) -> None:
        Allowance.objects.filter(tenant=self).grant_this_month(self.plan.monthly_credits)


class Role(models.TextChoices):
    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class Membership(models.Model):
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TenantManager.from_queryset(TenantQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="one_membership_per_person")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"

    @property
    def can_submit(self) -> bool:
        return self.role != Role.VIEWER

    @property
    def can_manage_keys(self) -> bool:
        return self.role in (Role.OWNER, Role.ADMIN)

    @property
    def can_manage_webhooks(self) -> bool:
        return self.role in (Role.OWNER, Role.ADMIN)


class ApiKeyQuerySet(TenantQuerySet["ApiKey"]):
    def usable(self) -> ApiKeyQuerySet:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked_at=None)


class ApiKey(models.Model):
    """A program's key. Of the key itself only a keyed digest is kept; see accounts/keys.py."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=60)
    prefix = models.CharField(max_length=24, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = TenantManager.from_queryset(ApiKeyQuerySet)()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


def this_month() -> date:
    return timezone.now().date().replace(day=1)


def next_month() -> date:
    """When credits are granted anew."""
    return (this_month() + timedelta(days=31)).replace(day=1)


class AllowanceQuerySet(TenantQuerySet["Allowance"]):
    def grant_this_month(self, credits: int) -> None:
        """Never less than what is used already."""
        self.filter(month=this_month()).update(granted=Greatest(F("used"), Decimal(credits)))


class Allowance(models.Model):
    """One month's credits of a tenant. `used` counts what is reserved or charged; accounts/ledger.py moves it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="allowances")
    month = models.DateField()
    granted = models.DecimalField(max_digits=12, decimal_places=2)
    used = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal(0))

    objects = TenantManager.from_queryset(AllowanceQuerySet)()

    class Meta:
        ordering = ["-month"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "month"], name="one_allowance_per_month"),
            models.CheckConstraint(condition=Q(used__gte=0, used__lte=F("granted")), name="credits_never_oversold"),
        ]

    def __str__(self) -> str:
        return f"{self.tenant} {self.month:%Y-%m}"

    @property
    def left(self) -> Decimal:
        return self.granted - self.used


class UsageEntry(models.Model):
    """One line of the append-only ledger: what a job reserved, and how that ended."""

    class Kind(models.TextChoices):
        RESERVE = "reserve"
        CHARGE = "charge"
        RELEASE = "release"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="usage_entries")
    allowance = models.ForeignKey(Allowance, on_delete=models.PROTECT, related_name="entries")
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, related_name="+")
    job_id = models.UUIDField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    credits = models.DecimalField(max_digits=12, decimal_places=2)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = TenantManager.from_queryset(TenantQuerySet)()

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "usage entries"
        constraints = [
            models.UniqueConstraint(fields=["job_id", "kind"], name="one_entry_per_job_and_kind"),
            models.UniqueConstraint(
                fields=["job_id"],
                condition=Q(kind__in=["charge", "release"]),
                name="one_outcome_per_reservation",
            ),
            models.CheckConstraint(condition=Q(credits__gte=0), name="usage_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.credits} for {self.job_id}"


class WebhookEvent(models.TextChoices):
    """What a webhook can be told of."""

    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELED = "job.canceled"


class DisabledReason(models.TextChoices):
    BY_HAND = "by_hand", "Switched off"
    GONE = "gone", "The server said that it is gone (410)"
    FAILING = "failing", "Nothing got through for a day"


class WebhookEndpoint(models.Model):
    """An address of a tenant that is told what happened; see accounts/webhooks.py."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField(max_length=2_000)
    events = models.JSONField(default=list)  # empty: all
    description = models.CharField(max_length=200, blank=True)
    sealed_secret = models.CharField(max_length=400)
    sealed_previous_secret = models.CharField(max_length=400, blank=True)
    previous_secret_expires_at = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=10, choices=DisabledReason.choices, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = TenantManager.from_queryset(TenantQuerySet)()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(disabled_at=None, disabled_reason="")
                | (Q(disabled_at__isnull=False) & ~Q(disabled_reason="")),
                name="disabled_means_with_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def host(self) -> str:
        """All of the address that is no secret."""
        return urlsplit(self.url).hostname or ""

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None

    def listens_to(self, event: WebhookEvent) -> bool:
        return self.is_enabled and (not self.events or event in self.events)

    @property
    def has_previous_secret(self) -> bool:
        """Whether the secret before the present one still signs."""
        return self.previous_secret_expires_at is not None and self.previous_secret_expires_at > timezone.now()
