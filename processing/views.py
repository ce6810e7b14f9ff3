from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.callers import Caller
from accounts.workspace import in_workspace
from processing import images, jobs
from processing.engine import catalog
from processing.engine.options import OPTIONS
from processing.forms import HistoryFilter
from processing.images import Kind
from processing.models import Job

RECENT = 12
HISTORY_PAGE = 40
STAGES = (
    "decode", "load", "resize", "inference", "matte", "refine", "preview", "place", "background", "edges", "compose",
    "encode", "store",
)  # fmt: skip


@require_safe
@in_workspace
def home(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Drop photographs, watch them, get them back."""
    known, names = catalog.read(), jobs.selectable_models()
    return render(
        request,
        "processing/home.html",
        {
            "jobs": Job.objects.all()[:RECENT],
            "models": [known[name] for name in names],
            "tiers": [tier for tier in known.tiers.values() if tier.model in names],
            "default_model": settings.DEFAULT_MODEL,
            "options": OPTIONS,
        },
    )


@require_safe
@vary_on_headers("HX-Request")
@in_workspace
def history(request: HttpRequest, caller: Caller) -> HttpResponse:
    form = HistoryFilter(request.GET)
    page = Paginator(Job.objects.filter(**form.lookups()), HISTORY_PAGE).get_page(request.GET.get("page"))
    template = "processing/_history_lines.html" if request.htmx else "processing/history.html"  # type: ignore[attr-defined]
    return render(request, template, {"form": form, "page": page, "is_filtered": form.has_changed()})


@require_safe
@in_workspace
def job(request: HttpRequest, caller: Caller, job_id: UUID) -> HttpResponse:
    found = _found(job_id)
    return render(request, "processing/job.html", {"job": found, "stages": _stages_ms(found)})


@require_safe
@in_workspace
def card(request: HttpRequest, caller: Caller, job_id: UUID) -> HttpResponse:
    """One job's card; it asks for itself again until the job has ended."""
    return render(request, "processing/_card.html", {"job": _found(job_id)})


@require_safe
@in_workspace
def image(request: HttpRequest, caller: Caller, job_id: UUID, kind: str) -> HttpResponseBase:
    return images.response(_found(job_id), Kind(kind), as_download="download" in request.GET)


@require_POST
@in_workspace
def remove_images(request: HttpRequest, caller: Caller, job_id: UUID) -> HttpResponse:
    jobs.remove(caller, _found(job_id).id)
    messages.success(request, "The images are removed. The line in the history stays.")
    return redirect("job", job_id)


def _stages_ms(job: Job) -> dict[str, float]:
    """Where a job's time went, in the order in which it went there, which JSON in the database does not keep."""
    waited = {"queue": (job.started_at - job.created_at) / timedelta(milliseconds=1)} if job.started_at else {}
    return waited | {stage: job.timings_ms[stage] for stage in STAGES if stage in job.timings_ms}


def _found(job_id: UUID) -> Job:
    found: Job | None = Job.objects.filter(id=job_id).first()
    if found is None:
        raise Http404
    return found
