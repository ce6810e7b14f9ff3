from typing import Any

from rest_framework import serializers

from accounts.models import ApiKey, Plan, Tenant
from processing.usage import GroupBy


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    class Meta:
        model = Tenant
        fields = ("id", "name", "created_at")


class PlanSerializer(serializers.ModelSerializer[Plan]):
    class Meta:
        model = Plan
        fields = (
            "name", "monthly_credits", "max_upload_bytes", "max_megapixels", "requests_per_minute",
            "tenant_requests_per_minute", "max_unfinished_jobs", "retention_days",
        )  # fmt: skip


class CreditsSerializer(serializers.Serializer[Any]):
    """As text, so that nobody rounds them."""

    granted = serializers.DecimalField(max_digits=12, decimal_places=2, normalize_output=True)
    used = serializers.DecimalField(max_digits=12, decimal_places=2, normalize_output=True, help_text="Or reserved.")
    left = serializers.DecimalField(max_digits=12, decimal_places=2, normalize_output=True)
    renews_on = serializers.DateField(help_text="UTC.")


class KeySerializer(serializers.ModelSerializer[ApiKey]):
    class Meta:
        model = ApiKey
        fields = ("name", "prefix", "created_at", "expires_at", "last_used_at")


class AccountSerializer(serializers.Serializer[Any]):
    tenant = TenantSerializer()
    plan = PlanSerializer()
    credits = CreditsSerializer()
    api_key = KeySerializer(allow_null=True, help_text="The key of this request.")


class UsageLineSerializer(serializers.Serializer[Any]):
    group = serializers.CharField(
        allow_null=True,
        help_text="The day, the key's prefix or the model; null for the total, and for jobs from the dashboard.",
    )
    jobs = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    credits = serializers.DecimalField(max_digits=12, decimal_places=2, normalize_output=True)
    megapixels = serializers.FloatField(help_text="Of the originals of the jobs that succeeded.")


class UsageSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        days = {name: serializers.DateField() for name in ("from", "to")}  # `from` cannot be an attribute
        return days | super().get_fields()

    group_by = serializers.ChoiceField(choices=list(GroupBy))
    total = UsageLineSerializer()
    results = UsageLineSerializer(many=True)


class ModelSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    tiers = serializers.ListField(child=serializers.CharField())
    version = serializers.CharField(allow_null=True, help_text="The one in use; null where it is not installed.")
    is_default = serializers.BooleanField()
    is_installed = serializers.BooleanField()
    is_warm = serializers.BooleanField(help_text="In a worker's memory: the first image need not wait for it.")
    licence = serializers.CharField()
    commercial_use = serializers.BooleanField(help_text="What the licence of the published weights allows.")
    input_px = serializers.IntegerField()
    inference_ms = serializers.FloatField(allow_null=True, help_text="The median of your latest jobs.")


class ModelsSerializer(serializers.Serializer[Any]):
    results = ModelSerializer(many=True)
