from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from processing import descriptions, images
from processing.descriptions import Remark
from processing.engine import kinds
from processing.engine.formats import SUPPORTED
from processing.engine.options import OPTIONS, Option
from processing.images import Kind
from processing.models import Job, State


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job as its tenant sees it."""

    output = serializers.CharField(source="options.output", read_only=True)
    format = serializers.CharField(source="options.format", read_only=True)
    error = serializers.SerializerMethodField()
    has_foreground = serializers.SerializerMethodField()
    notice = serializers.SerializerMethodField()
    credits_charged = serializers.CharField(read_only=True)
    timings_ms = serializers.DictField(child=serializers.FloatField(), read_only=True)
    url = serializers.SerializerMethodField()
    result_url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    original_url = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = (
            "id", "state", "model", "model_version", "provider", "precision", "output", "format", "filename",
            "original_format", "original_bytes", "width", "height", "result_bytes", "result_width", "result_height",
            "foreground_box", "has_foreground", "notice", "error",
            "credits_charged", "timings_ms", "created_at", "started_at", "finished_at", "duration_ms",
            "images_expire_at", "images_removed_at", "url", "result_url", "thumbnail_url", "original_url",
        )  # fmt: skip
        read_only_fields = fields

    def get_has_foreground(self, job: Job) -> bool | None:
        """Nobody knows before the job has succeeded."""
        return descriptions.has_foreground(job)

    def get_notice(self, job: Job) -> Remark | None:
        """What to know of a result that is as it should be."""
        return descriptions.notice(job)

    def get_error(self, job: Job) -> Remark | None:
        return descriptions.error(job)

    def get_url(self, job: Job) -> str:
        return self._absolute(f"/api/v1/jobs/{job.id}")

    def get_result_url(self, job: Job) -> str | None:
        return self._link(job, Kind.RESULT) if job.state == State.SUCCEEDED else None

    def get_thumbnail_url(self, job: Job) -> str | None:
        return self._link(job, Kind.THUMBNAIL) if job.state == State.SUCCEEDED else None

    def get_original_url(self, job: Job) -> str | None:
        return self._link(job, Kind.ORIGINAL)

    def _link(self, job: Job, kind: Kind) -> str | None:
        return self._absolute(images.link(job, kind)) if job.has_images else None

    def _absolute(self, path: str) -> str:
        request: Any = self.context["request"]
        return str(request.build_absolute_uri(path))


class JobPageSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True, help_text="The page of older jobs; null on the last one.")
    previous = serializers.URLField(allow_null=True)
    results = JobSerializer(many=True)


def described(option: Option) -> serializers.Field[Any, Any, Any, Any]:
    default = settings.DEFAULT_MODEL if option.name == "model" else kinds.plain(option.default)
    common: dict[str, Any] = {"help_text": option.help, "required": False}
    if default is not None:
        common = {"help_text": option.help, "default": default}
    match option.kind:
        case kinds.Boolean():
            return serializers.BooleanField(**common)
        case kinds.Number(lowest=lowest, highest=highest):
            return serializers.IntegerField(min_value=lowest, max_value=highest, **common)
        case kinds.OneOf(choices=choices) | kinds.TierName(choices=choices):
            return serializers.ChoiceField(choices=choices, **common)
    return serializers.CharField(**common | {"help_text": f"{option.help} Takes {option.kind.allowed}."})


class JobOptionsSerializer(serializers.Serializer[Any]):
    """What a new job takes beside its images."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return super().get_fields() | {name: described(option) for name, option in OPTIONS.items()}


@extend_schema_field(OpenApiTypes.BINARY)
class FormFile(serializers.FileField):
    """Bytes; REST framework's own field describes itself as the address that it answers with."""


class JobAddressesSerializer(JobOptionsSerializer):
    """Images by their addresses, as any body may name them."""

    image_url = serializers.URLField(
        required=False, help_text="A public address to fetch the image from, instead of it."
    )
    background_url = serializers.URLField(required=False, help_text="The same for background_file.")


class JobFormSerializer(JobAddressesSerializer):
    image = FormFile(required=False, help_text=f"{SUPPORTED}. This or image_url.")
    background_file = FormFile(required=False, help_text=f"The image for background_image. {SUPPORTED}.")


class JobJsonSerializer(JobAddressesSerializer):
    image = serializers.CharField(
        required=False, help_text="The image in base64; a data: URL will do. This or image_url."
    )
    background_file = serializers.CharField(required=False, help_text="The image for background_image, in base64.")
    filename = serializers.CharField(required=False, help_text="For people to recognise it by.")


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    param = serializers.CharField(required=False, help_text="The option at fault, if it is one.")
    request_id = serializers.CharField()
