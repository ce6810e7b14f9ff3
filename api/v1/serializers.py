from typing import Any, TypedDict

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from processing import images
from processing.engine.formats import SUPPORTED
from processing.engine.options import FORMATS, OUTPUTS
from processing.images import Kind
from processing.models import Job, State


class JobError(TypedDict):
    code: str
    detail: str


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job as its tenant sees it."""

    output = serializers.CharField(source="options.output", read_only=True)
    format = serializers.CharField(source="options.format", read_only=True)
    error = serializers.SerializerMethodField()
    has_foreground = serializers.SerializerMethodField()
    credits_charged = serializers.CharField(read_only=True)
    timings_ms = serializers.DictField(child=serializers.FloatField(), read_only=True)
    url = serializers.SerializerMethodField()
    result_url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    original_url = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = (
            "id", "state", "model", "model_version", "provider", "output", "format", "filename",
            "original_format", "original_bytes", "width", "height", "result_bytes", "has_foreground", "error",
            "credits_charged", "timings_ms", "created_at", "started_at", "finished_at", "duration_ms",
            "images_expire_at", "images_removed_at", "url", "result_url", "thumbnail_url", "original_url",
        )  # fmt: skip
        read_only_fields = fields

    def get_has_foreground(self, job: Job) -> bool | None:
        """Nobody knows before the job has succeeded."""
        return job.has_foreground if job.state == State.SUCCEEDED else None

    def get_error(self, job: Job) -> JobError | None:
        return {"code": job.error_code, "detail": job.error_detail} if job.error_code else None

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


class JobOptionsSerializer(serializers.Serializer[Any]):
    """What a new job takes beside its image."""

    model = serializers.CharField(required=False, help_text="A model's name; the installation's default when absent.")
    output = serializers.ChoiceField(choices=OUTPUTS, required=False)
    format = serializers.ChoiceField(choices=FORMATS, required=False)


@extend_schema_field(OpenApiTypes.BINARY)
class FormFile(serializers.FileField):
    """Bytes; REST framework's own field describes itself as the address that it answers with."""


class JobFormSerializer(JobOptionsSerializer):
    image = FormFile(help_text=f"{SUPPORTED}.")


class JobJsonSerializer(JobOptionsSerializer):
    image = serializers.CharField(help_text="The image in base64; a data: URL will do.")
    filename = serializers.CharField(required=False, help_text="For people to recognise it by.")


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
