from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DataError
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import idempotency, uploads
from api.authentication import caller_of
from api.cutouts import cut_out, result_file
from api.errors import InvalidParameter
from api.middleware import note_job
from api.v1.negotiation import RESULT_TYPES, preferred_wait_s, require_acceptable, wants_json
from api.v1.serializers import (
    JobAddressesSerializer,
    JobFormSerializer,
    JobJsonSerializer,
    JobOptionsSerializer,
    JobPageSerializer,
    JobSerializer,
    ProblemSerializer,
)
from config.limits import LIMITS
from processing import images, jobs
from processing.engine import catalog
from processing.engine.options import Options
from processing.models import Job, JobQuerySet, State

FILES = uploads.Names(background=jobs.BACKGROUND_FILE, image_url="image_url", background_url="background_url")
RESULT = OpenApiResponse(OpenApiTypes.BINARY, description="The result itself.")
RESULTS = {(200, media_type): RESULT for media_type in RESULT_TYPES}
PROBLEM = OpenApiResponse(ProblemSerializer, description="What is wrong, and what to do next.")
WAIT = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description=f"`wait=N`: answer with the result within N seconds, at most {LIMITS.wait_max_s}.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    idempotency.HEADER,
    str,
    OpenApiParameter.HEADER,
    description="Anything unique, such as a UUID. Repeated with it, the request is answered again and done once.",
)
LOCATION = OpenApiParameter("Location", str, OpenApiParameter.HEADER, response=[200, 202], description="The job.")


def problems(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """The errors of an operation; any may also be refused for its key, its tenant or its rate."""
    return {(status, "application/problem+json"): PROBLEM for status in sorted({401, 403, 429, *statuses})}


class JobPages(CursorPagination):
    ordering = ("-created_at", "-id")
    page_size = LIMITS.page_size
    page_size_query_param = "limit"
    max_page_size = LIMITS.page_size_max

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get("limit", str(LIMITS.page_size))
        if not given.isdecimal() or len(given) > 9 or not 1 <= int(given) <= LIMITS.page_size_max:
            raise InvalidParameter(f"limit must be a whole number from 1 to {LIMITS.page_size_max}.", param="limit")
        return int(given)


class JobsView(APIView):
    @extend_schema(
        operation_id="create_job",
        request={
            "multipart/form-data": JobFormSerializer,
            "application/x-www-form-urlencoded": JobAddressesSerializer,
            "application/json": JobJsonSerializer,
            "image/*": OpenApiTypes.BINARY,
            "application/octet-stream": OpenApiTypes.BINARY,
        },
        parameters=[WAIT, IDEMPOTENCY_KEY, LOCATION, JobOptionsSerializer],
        responses={
            **RESULTS,
            (200, "application/json"): JobSerializer,
            202: JobSerializer,
            **problems(400, 402, 406, 409, 413, 415, 422, 500, 503),
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Cut out one image."""
        caller = caller_of(request)
        caller.require_submit()
        wait_s = preferred_wait_s(request._request)
        require_acceptable(request._request)
        upload = uploads.read(request._request, max_bytes=caller.tenant.plan.max_upload_bytes, names=FILES)
        implied = {"background_image": True} if upload.has_background else {}
        options = Options.parse(implied | dict(upload.fields), default_model=settings.DEFAULT_MODEL)

        def answer(job_id: UUID | None) -> HttpResponseBase:
            job = cut_out(request._request, caller, upload, options, wait_s=wait_s, job_id=job_id)
            return self._answer(request, job, wait_s)

        return idempotency.once(request._request, caller, upload, answer)

    def _answer(self, request: Request, job: Job, wait_s: int) -> HttpResponseBase:
        if not wait_s or not job.is_finished:
            response: HttpResponseBase = described(request, job, HTTPStatus.ACCEPTED)
        elif wants_json(request._request):
            jobs.require_result(job)
            response = described(request, job, HTTPStatus.OK)
        else:
            response = result_file(job)
        response["Location"] = f"/api/v1/jobs/{job.id}"
        if wait_s:
            response["Preference-Applied"] = f"wait={wait_s}"
        return response

    @extend_schema(
        operation_id="list_jobs",
        parameters=[
            OpenApiParameter("state", str, enum=State.values, description="Only jobs in this state."),
            OpenApiParameter("model", str, description="Only jobs with this model."),
            OpenApiParameter("created_after", datetime, description="Only jobs accepted at this time or later."),
            OpenApiParameter("created_before", datetime, description="Only jobs accepted before this time."),
            OpenApiParameter("cursor", str, description="From `next` or `previous` of another page."),
            OpenApiParameter("limit", int, description=f"Jobs on a page, at most {LIMITS.page_size_max}."),
        ],
        responses={200: JobPageSerializer, **problems(400)},
    )
    def get(self, request: Request) -> Response:
        """List the tenant's jobs, newest first."""
        caller, pages = caller_of(request), JobPages()  # it keeps what it has found, so it is nobody else's
        try:
            with caller.scope():
                page = pages.paginate_queryset(filtered(request), request, view=self)
        except (NotFound, ValidationError, DataError) as error:
            raise InvalidParameter("cursor is not one that this API gave out.", param="cursor") from error
        return pages.get_paginated_response(JobSerializer(page or [], many=True, context={"request": request}).data)


class JobView(APIView):
    @extend_schema(
        operation_id="get_job",
        responses={200: JobSerializer, **problems(404)},
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """One job: its state, timings and links to its images."""
        job = jobs.get(caller_of(request), job_id)
        note_job(request._request, job)
        return described(request, job, HTTPStatus.OK)

    @extend_schema(operation_id="delete_job", responses={204: None, **problems(404, 503)})
    def delete(self, request: Request, job_id: UUID) -> Response:
        """Remove the job's images, now; a job that has not ended is canceled and its credit given back."""
        jobs.remove(caller_of(request), job_id)
        return Response(status=HTTPStatus.NO_CONTENT)


class JobCancelView(APIView):
    @extend_schema(operation_id="cancel_job", request=None, responses={200: JobSerializer, **problems(404, 409)})
    def post(self, request: Request, job_id: UUID) -> Response:
        """End a job that has not ended: its credit is given back, its images are removed. May be repeated."""
        caller = caller_of(request)
        note_job(request._request, jobs.get(caller, job_id))
        return described(request, jobs.require_canceled(caller, job_id), HTTPStatus.OK)


class JobResultView(APIView):
    @extend_schema(
        operation_id="get_result",
        responses={**RESULTS, **problems(404, 409, 410, 422, 500, 503)},
    )
    def get(self, request: Request, job_id: UUID) -> HttpResponseBase:
        """The result itself."""
        job = jobs.get(caller_of(request), job_id)
        note_job(request._request, job)
        return result_file(job)


class ImageLinkView(APIView):
    """A signed link: whoever has it sees the image until it expires."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    @extend_schema(exclude=True)
    def get(self, request: Request, token: str) -> HttpResponseBase:
        job, kind = jobs.by_link(token)
        note_job(request._request, job)
        return images.response(job, kind, as_download="download" in request.query_params)


def described(request: Request, job: Job, status: HTTPStatus) -> Response:
    return Response(JobSerializer(job, context={"request": request}).data, status=status)


def filtered(request: Request) -> JobQuerySet:
    """The jobs that the query asks for; an unknown state or model is an error, not an empty page."""
    state, model = request.query_params.get("state"), request.query_params.get("model")
    if state and state not in State.values:
        raise InvalidParameter(f"state must be one of {', '.join(State.values)}.", param="state")
    found: JobQuerySet = Job.objects.all()
    if state:
        found = found.filter(state=state)
    if model:
        found = found.filter(model=catalog.read()[model].name)
    if after := _moment(request, "created_after"):
        found = found.filter(created_at__gte=after)
    if before := _moment(request, "created_before"):
        found = found.filter(created_at__lt=before)
    return found


def _moment(request: Request, name: str) -> datetime | None:
    given = request.query_params.get(name)
    if not given:
        return None
    try:
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        message = f"{name} must be a time with its zone, such as 2026-01-31T12:00:00Z."
        raise InvalidParameter(message, param=name) from error
