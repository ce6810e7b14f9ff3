from typing import Any

from rest_framework import serializers

from accounts.models import DisabledReason, WebhookEndpoint, WebhookEvent
from processing.models import DeliveryState, WebhookDelivery
from processing.webhooks import PING

LONGEST_URL = 2_000


class WebhookSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """An endpoint, without its secret."""

    events = serializers.ListField(child=serializers.ChoiceField(choices=WebhookEvent.values), help_text="Empty: all.")
    enabled = serializers.BooleanField(source="is_enabled")
    disabled_reason = serializers.ChoiceField(choices=["", *DisabledReason.values], read_only=True)
    previous_secret_expires_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="Until then the secret before the last rotation signs as well."
    )

    class Meta:
        model = WebhookEndpoint
        fields: tuple[str, ...] = (
            "id", "url", "events", "description", "enabled", "disabled_at", "disabled_reason",
            "previous_secret_expires_at", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class WebhookWithSecretSerializer(WebhookSerializer):
    secret = serializers.SerializerMethodField(help_text="Shown this once.")

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")
        read_only_fields = fields

    def get_secret(self, _endpoint: WebhookEndpoint) -> str:
        return str(self.context["secret"])


class WebhooksSerializer(serializers.Serializer[Any]):
    results = WebhookSerializer(many=True)


class NewWebhookSerializer(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=LONGEST_URL, help_text="Public, http:// or https://, port 80 or 443.")
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=WebhookEvent.values),
        required=False,
        max_length=len(WebhookEvent.values),
        help_text="What it is told of; all unless given, or when empty.",
    )
    description = serializers.CharField(required=False, allow_blank=True, max_length=200)


class ChangedWebhookSerializer(NewWebhookSerializer):
    url = serializers.CharField(required=False, max_length=LONGEST_URL)
    enabled = serializers.BooleanField(required=False)


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """One message to an endpoint, and how far it has got."""

    message_id = serializers.CharField(help_text="The `webhook-id` of every attempt.")
    event = serializers.ChoiceField(choices=[*WebhookEvent.values, PING])
    state = serializers.ChoiceField(choices=DeliveryState.values)
    status = serializers.IntegerField(allow_null=True, help_text="What the last attempt was answered with.")
    answer = serializers.CharField(help_text="The beginning of that answer.")
    error = serializers.CharField(help_text="Why there was none.")
    durations_ms = serializers.ListField(child=serializers.IntegerField(), help_text="Of each attempt.")

    class Meta:
        model = WebhookDelivery
        fields = (
            "id", "message_id", "event", "job_id", "state", "attempts", "next_attempt_at", "attempted_at", "status",
            "answer", "error", "durations_ms", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class DeliveryPageSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True, help_text="The page of older deliveries; null on the last one.")
    previous = serializers.URLField(allow_null=True)
    results = DeliverySerializer(many=True)
