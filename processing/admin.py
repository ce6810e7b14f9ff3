"""The operator console's pages about jobs, and the audit log."""

import ipaddress
import re
from datetime import datetime
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.forms import BaseDialogForm
from unfold.paginator import InfinitePaginator

from accounts.callers import Caller
from accounts.console import DaysFilter, ReadOnlyAdmin, TypedFilter, badge, confirmed
from config.errors import MatteryError
from processing import audit, audit_export, images, jobs
from processing.images import Kind
from processing.models import AuditRecord, ImprovementSubmission, Job, State

STATE_COLOURS = {
    State.QUEUED.label: "info",
    State.RUNNING.label: "primary",
    State.SUCCEEDED.label: "success",
    State.FAILED.label: "danger",
    State.CANCELED.label: "warning",
}
STATUS_COLOURS = {1: "info", 2: "success", 3: "info", 4: "warning", 5: "danger"}
NO_BREAK = "\N{NO-BREAK SPACE}"
STATUS_CLASS = re.compile(r"([1-5])xx", re.IGNORECASE)


class ModelFilter(TypedFilter):
    title = parameter_name = "model"


class ProviderFilter(TypedFilter):
    title = parameter_name = "provider"


class KeyFilter(TypedFilter):
    title, parameter_name = "API key prefix", "api_key_prefix"


class ActionFilter(TypedFilter):
    title = parameter_name = "action"


class TagFilter(TypedFilter):
    title = parameter_name = "tag"


class IpFilter(TypedFilter):
    title, parameter_name = "IP address", "ip"

    def condition(self, value: str) -> Q:
        return Q(ip=str(ipaddress.ip_address(value)))


class StatusFilter(TypedFilter):
    title, parameter_name = "status (404 or 4xx)", "status"

    def condition(self, value: str) -> Q:
        if whole_class := STATUS_CLASS.fullmatch(value):
            hundred = int(whole_class[1]) * 100
            return Q(status__gte=hundred, status__lt=hundred + 100)
        return Q(status=int(value))


def megapixels(pixels: int) -> str:
    return f"{pixels / 1_000_000:.1f}{NO_BREAK}MP"


def seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.2f}{NO_BREAK}s"


def to_the_second(moment: datetime) -> SafeString:
    return format_html('<time class="whitespace-nowrap">{}</time>', f"{moment:%Y-%m-%d %H:%M:%S}")


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = [
        "thumbnail", "short_id", "tenant", "state_badge", "model", "provider", "size", "duration", "submitted",
    ]  # fmt: skip
    list_display_links = ["thumbnail", "short_id"]
    list_select_related = ["tenant"]
    list_filter = [
        ("state", ChoicesDropdownFilter),
        ("tenant", AutocompleteSelectFilter),
        ModelFilter,
        ProviderFilter,
        ("created_at", DaysFilter),
    ]
    search_fields = ["id__exact", "request_id__exact"]
    search_help_text = "A job's or a request's id"
    sortable_by = ["submitted"]
    paginator = InfinitePaginator
    fieldsets = [
        (None, {"fields": ["pictures", "tenant", "state_badge", "error_code", "error_detail", "audit_log"]}),
        ("Request", {"fields": ["api_key", "user", "request_id", "filename", "options", "credits"]}),
        ("Work", {"fields": ["model", "model_version", "provider", "precision", "attempts", "timings_ms", "duration"]}),
        ("Images", {"fields": ["original_format", "original_bytes", "size", "result_media_type", "result_bytes",
                               "has_foreground", "images_expire_at", "images_removed_at"]}),
        ("Times", {"fields": ["created_at", "queued_at", "started_at", "finished_at", "lease_expires_at"]}),
    ]  # fmt: skip
    actions_detail = ["cancel"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.image)
        return [path("<uuid:job_id>/image/<str:kind>/", view, name="processing_job_image"), *super().get_urls()]

    def image(self, _request: HttpRequest, job_id: UUID, kind: str) -> HttpResponseBase:
        job = Job.objects.filter(pk=job_id).first()
        if job is None or kind not in Kind:
            raise Http404
        return _shown(job, Kind(kind))

    def has_cancel_permission(self, request: HttpRequest, job_id: str) -> bool:
        job = self.get_object(request, job_id)
        return job is not None and not job.is_finished

    @admin.display(description="")
    def thumbnail(self, job: Job) -> SafeString | str:
        return self._picture(job, Kind.THUMBNAIL, 40) if _has_result(job) else ""

    @admin.display(description="job")
    def short_id(self, job: Job) -> str:
        return str(job.pk)[:8]

    @admin.display(description="submitted", ordering="created_at")
    def submitted(self, job: Job) -> SafeString:
        return to_the_second(job.created_at)

    @admin.display(description="original and result")
    def pictures(self, job: Job) -> SafeString | str:
        if not job.has_images:
            return "Removed"
        shown = [Kind.ORIGINAL, Kind.RESULT] if _has_result(job) else [Kind.ORIGINAL]
        return format_html_join("", "{}", [[self._picture(job, kind, 240)] for kind in shown])

    def _picture(self, job: Job, kind: Kind, height_px: int) -> SafeString:
        url = reverse("admin:processing_job_image", args=[job.pk, kind.value])
        style = f"display: inline-block; height: {height_px}px; max-width: {2 * height_px}px; margin-right: 8px"
        return format_html('<img src="{}" alt="{}" loading="lazy" style="{}">', url, kind.value, style)

    @badge("state", STATE_COLOURS)
    def state_badge(self, job: Job) -> str:
        return State(job.state).label

    @admin.display(description="size")
    def size(self, job: Job) -> str:
        return megapixels(job.pixels)

    @admin.display(description="duration")
    def duration(self, job: Job) -> str:
        return seconds(job.duration_ms) if job.duration_ms is not None else ""

    @admin.display(description="audit log")
    def audit_log(self, job: Job) -> SafeString:
        url = reverse("admin:processing_auditrecord_changelist", query={"q": str(job.pk)})
        return format_html('<a href="{}">Requests about this job</a>', url)

    @confirmed(
        "Cancel",
        icon="cancel",
        consequence="The job ends without a result, its images are removed and its credit goes back to the tenant.",
        permission="cancel",
    )
    def cancel(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        job = self.found(request, object_id)
        if not jobs.cancel(Caller(tenant=job.tenant), job.pk):
            self.message_user(request, "It had ended already.", messages.WARNING)
            return self.back_to(job)
        return self.done(request, job, "Canceled.")


@admin.register(ImprovementSubmission)
class ImprovementSubmissionAdmin(ReadOnlyAdmin):
    list_display = ["received", "tenant", "tag", "filename", "original_format", "size"]
    list_select_related = ["tenant"]
    list_filter = [("tenant", AutocompleteSelectFilter), TagFilter, ("created_at", DaysFilter)]
    search_fields = ["id__exact"]
    search_help_text = "The id that the program got"
    sortable_by = ["received"]
    paginator = InfinitePaginator
    fields = [
        "picture", "id", "tenant", "api_key", "tag", "filename", "original_format", "original_bytes", "size",
        "created_at",
    ]  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.image)
        name = "processing_improvementsubmission_image"
        return [path("<uuid:submission_id>/image/", view, name=name), *super().get_urls()]

    def image(self, _request: HttpRequest, submission_id: UUID) -> HttpResponseBase:
        submission = ImprovementSubmission.objects.filter(pk=submission_id).first()
        if submission is None:
            raise Http404
        return _shown(submission, Kind.ORIGINAL)

    @admin.display(description="received", ordering="created_at")
    def received(self, submission: ImprovementSubmission) -> SafeString:
        return to_the_second(submission.created_at)

    @admin.display(description="image")
    def picture(self, submission: ImprovementSubmission) -> SafeString:
        url = reverse("admin:processing_improvementsubmission_image", args=[submission.pk])
        style = "height: 240px; max-width: 480px"
        return format_html('<a href="{}"><img src="{}" alt="original" loading="lazy" style="{}"></a>', url, url, style)

    @admin.display(description="size")
    def size(self, submission: ImprovementSubmission) -> str:
        return megapixels(submission.pixels)


def _shown(owner: images.Owner, kind: Kind) -> HttpResponseBase:
    try:
        return images.response(owner, kind)
    except MatteryError as error:
        return HttpResponse(error.detail, status=error.status, content_type="text/plain")


def _has_result(job: Job) -> bool:
    return job.has_images and job.state == State.SUCCEEDED


@admin.register(AuditRecord)
class AuditRecordAdmin(ReadOnlyAdmin):
    list_display = [
        "when", "tenant", "who", "address", "what", "outcome", "traffic", "size", "model", "duration", "job",
    ]  # fmt: skip
    list_select_related = ["tenant"]
    list_filter = [
        ("tenant", AutocompleteSelectFilter),
        KeyFilter,
        IpFilter,
        ModelFilter,
        StatusFilter,
        ActionFilter,
        ("at", DaysFilter),
    ]
    list_fullwidth = True
    search_fields = ["request_id__exact", "job_id__exact", "path__startswith"]
    search_help_text = "A request's or a job's id, or how a path begins"
    sortable_by = ["when"]
    paginator = InfinitePaginator
    fieldsets = [
        (None, {"fields": ["at", "tenant", "action", "detail", "person", "api_key_prefix", "ip", "user_agent"]}),
        ("Request", {"fields": ["request_id", "method", "path", "bytes_in"]}),
        ("Answer", {"fields": ["status", "error_code", "bytes_out", "duration_ms"]}),
        ("Image", {"fields": ["job", "model", "pixels"]}),
    ]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export)
        return [path("export/", view, name="processing_auditrecord_export"), *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """What the list shows with the same filters, newest lines first, as CSV."""
        try:
            records = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return redirect("admin:processing_auditrecord_changelist")
        audit.record(request, action="audit.export", detail=request.GET.urlencode())
        name = f"audit-{timezone.now():%Y%m%d-%H%M%S}.csv"
        return StreamingHttpResponse(
            audit_export.stream(records),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    @admin.display(description="when", ordering="at")
    def when(self, record: AuditRecord) -> SafeString:
        return to_the_second(record.at)

    @admin.display(description="IP")
    def address(self, record: AuditRecord) -> str | None:
        return record.ip

    @admin.display(description="who")
    def who(self, record: AuditRecord) -> str:
        return record.api_key_prefix or record.person

    @admin.display(description="what")
    def what(self, record: AuditRecord) -> str:
        is_request = record.action == audit.REQUEST
        return f"{record.method} {record.path}" if is_request else f"{record.action} {record.detail}"

    @badge("status", STATUS_COLOURS)
    def outcome(self, record: AuditRecord) -> tuple[int, int] | None:
        return (record.status // 100, record.status) if record.status else None

    @admin.display(description="bytes in / out")
    def traffic(self, record: AuditRecord) -> str:
        return f"{filesizeformat(record.bytes_in)} / {filesizeformat(record.bytes_out)}" if record.status else ""

    @admin.display(description="size")
    def size(self, record: AuditRecord) -> str:
        return megapixels(record.pixels) if record.pixels else ""

    @admin.display(description="duration")
    def duration(self, record: AuditRecord) -> str:
        return seconds(record.duration_ms) if record.status else ""

    @admin.display(description="job")
    def job(self, record: AuditRecord) -> SafeString | str:
        if record.job_id is None:
            return ""
        url = reverse("admin:processing_job_change", args=[record.job_id])
        return format_html('<a href="{}">{}</a>', url, str(record.job_id)[:8])
