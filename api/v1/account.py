"""What a caller may know beside their jobs: the account, what it has used, and the models that are there."""

from dataclasses import asdict
from datetime import date, timedelta

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import next_month
from api.authentication import caller_of
from api.errors import InvalidParameter
from api.v1.account_serializers import AccountSerializer, ModelsSerializer, UsageSerializer
from api.v1.jobs import problems
from processing import offers, usage
from processing.usage import GroupBy

LONGEST_RANGE = timedelta(days=366)
USUAL_RANGE = timedelta(days=30)
A_DAY = timedelta(days=1)


class AccountView(APIView):
    @extend_schema(operation_id="get_account", responses={200: AccountSerializer, **problems()})
    def get(self, request: Request) -> Response:
        """The account: its plan, its limits, and the credits that are left."""
        caller = caller_of(request)
        with caller.scope():
            allowance = caller.tenant.current_allowance()
        described = AccountSerializer(
            {
                "tenant": caller.tenant,
                "plan": caller.tenant.plan,
                "credits": {
                    "granted": allowance.granted,
                    "used": allowance.used,
                    "left": allowance.left,
                    "renews_on": next_month(),
                },
                "api_key": caller.api_key,
            }
        )
        return Response(described.data)


class UsageView(APIView):
    @extend_schema(
        operation_id="get_usage",
        parameters=[
            OpenApiParameter("from", date, description="The first day, in UTC; 30 days back unless given."),
            OpenApiParameter("to", date, description="The last day, included; today unless given."),
            OpenApiParameter("group_by", str, enum=list(GroupBy), description="`day` unless given."),
        ],
        responses={200: UsageSerializer, **problems(400)},
    )
    def get(self, request: Request) -> Response:
        """What was used, by day, key or model."""
        first, last = _days(request)
        by = _group_by(request)
        with caller_of(request).scope():
            rows = usage.between(first, last)
            found = {
                "from": first,
                "to": last,
                "group_by": by.value,
                "total": asdict(usage.total(rows)),
                "results": [asdict(line) for line in usage.grouped(rows, by)],
            }
        return Response(UsageSerializer(found).data)


class ModelsView(APIView):
    @extend_schema(operation_id="list_models", responses={200: ModelsSerializer, **problems()})
    def get(self, request: Request) -> Response:
        """The models: which are there, which are warm, and what their weights' licences allow."""
        with caller_of(request).scope():
            speeds = usage.median_inference_ms()
        return Response(ModelsSerializer({"results": [asdict(offer) for offer in offers.models(speeds)]}).data)


def _days(request: Request) -> tuple[date, date]:
    today = timezone.now().date()
    last = _day(request, "to", today)
    first = _day(request, "from", last - USUAL_RANGE + A_DAY)
    if first > last:
        raise InvalidParameter("from must not be later than to.", param="from")
    if last - first >= LONGEST_RANGE:
        raise InvalidParameter(f"Ask for at most {LONGEST_RANGE.days} days at once.", param="from")
    return first, last


def _day(request: Request, name: str, usual: date) -> date:
    given = request.query_params.get(name)
    if not given:
        return usual
    try:
        day = date.fromisoformat(given)
    except ValueError as error:
        raise InvalidParameter(f"{name} must be a day, such as {usual:%Y-%m-%d}.", param=name) from error
    if not date(2000, 1, 1) <= day <= date(2999, 12, 31):
        raise InvalidParameter(f"{name} must lie between 2000 and 2999.", param=name)
    return day


def _group_by(request: Request) -> GroupBy:
    try:
        return GroupBy(request.query_params.get("group_by") or GroupBy.DAY)
    except ValueError as error:
        raise InvalidParameter(f"group_by must be one of {', '.join(GroupBy)}.", param="group_by") from error
