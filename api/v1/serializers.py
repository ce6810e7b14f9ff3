from typing import Any

from rest_framework import serializers

from processing import images
from processing.images import Kind
from processing.models import Job, State


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job as its tenant sees it."""

    output = serializers.CharField(source="options.output", read_only=True)
    format = serializers.CharField(source="options.format", read_only=True)
    error = serializers.SerializerMethodField()
    credits_charged = serializers.CharField(read_only=True)
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

    def get_error(self, job: Job) -> dict[str, str] | None:
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


class JobRequestSerializer(serializers.Serializer[Any]):
    """What a new job takes as a form; a raw body takes the same options in the query."""

    image = serializers.ImageField(help_text="JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP or GIF.")
    model = serializers.CharField(required=False, help_text="A model's name; the installation's default when absent.")
    output = serializers.ChoiceField(choices=["cutout", "mask"], required=False)
    format = serializers.ChoiceField(choices=["png"], required=False)


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
