"""Where a tenant's programs are told what happened: endpoints, and the log of what was sent there."""

import json
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import UnreadablePostError
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import webhooks as endpoints
from accounts.callers import Caller
from accounts.models import WebhookEndpoint
from api.authentication import caller_of
from api.errors import InvalidParameter, MalformedBody, UnsupportedMediaType
from api.v1.jobs import JobPages, problems
from api.v1.webhook_serializers import (
    ChangedWebhookSerializer,
    DeliveryPageSerializer,
    DeliverySerializer,
    NewWebhookSerializer,
    WebhookSerializer,
    WebhooksSerializer,
    WebhookWithSecretSerializer,
)
from config.limits import LIMITS
from processing import webhooks
from processing.models import DeliveryState, WebhookDelivery

MOST_BYTES = 16_384


class WebhookApiView(APIView):
    parser_classes = (JSONParser,)

    def managing(self, request: Request) -> Caller:
        """Who asks; an address may be as secret as a key, so that only those see it who may change it."""
        caller = caller_of(request)
        caller.require_webhook_management()
        return caller


class WebhooksView(WebhookApiView):
    @extend_schema(operation_id="list_webhooks", responses={200: WebhooksSerializer, **problems()})
    def get(self, request: Request) -> Response:
        """The tenant's webhooks, newest first."""
        with self.managing(request).scope():
            return Response(WebhooksSerializer({"results": WebhookEndpoint.objects.all()}).data)

    @extend_schema(
        operation_id="create_webhook",
        request=NewWebhookSerializer,
        responses={201: WebhookWithSecretSerializer, **problems(400, 409, 413, 415, 422)},
    )
    def post(self, request: Request) -> Response:
        """Add a webhook. The answer shows its secret, this once."""
        caller = self.managing(request)
        endpoint, secret = webhooks.add(caller, **sent(request, NewWebhookSerializer))
        response = _with_secret(endpoint, secret, HTTPStatus.CREATED)
        response["Location"] = f"/api/v1/webhooks/{endpoint.id}"
        return response


class WebhookView(WebhookApiView):
    @extend_schema(operation_id="get_webhook", responses={200: WebhookSerializer, **problems(404)})
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """One webhook, without its secret."""
        with self.managing(request).scope():
            return Response(WebhookSerializer(endpoints.get(webhook_id)).data)

    @extend_schema(
        operation_id="change_webhook",
        request=ChangedWebhookSerializer,
        responses={200: WebhookSerializer, **problems(400, 404, 413, 415, 422)},
    )
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Change what is given. To disable it makes what waits to be sent there fail."""
        changes = sent(request, ChangedWebhookSerializer)
        return Response(WebhookSerializer(webhooks.change(self.managing(request), webhook_id, **changes)).data)

    @extend_schema(operation_id="delete_webhook", responses={204: None, **problems(404)})
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Remove it, with the log of what was sent there."""
        webhooks.remove(self.managing(request), webhook_id)
        return Response(status=HTTPStatus.NO_CONTENT)


class WebhookSecretView(WebhookApiView):
    @extend_schema(
        operation_id="rotate_webhook_secret",
        request=None,
        responses={200: WebhookWithSecretSerializer, **problems(404)},
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Make a new secret, shown this once. The one before it goes on signing for a while."""
        return _with_secret(*webhooks.rotate_secret(self.managing(request), webhook_id), HTTPStatus.OK)


class WebhookTestView(WebhookApiView):
    @extend_schema(operation_id="test_webhook", request=None, responses={202: DeliverySerializer, **problems(404, 409)})
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Send a `ping`, once. How it went is in the log of deliveries."""
        delivery = webhooks.ping(self.managing(request), webhook_id)
        return Response(DeliverySerializer(delivery).data, status=HTTPStatus.ACCEPTED)


class DeliveriesView(WebhookApiView):
    @extend_schema(
        operation_id="list_deliveries",
        parameters=[
            OpenApiParameter("state", str, enum=DeliveryState.values, description="Only deliveries in this state."),
            OpenApiParameter("cursor", str, description="From `next` or `previous` of another page."),
            OpenApiParameter("limit", int, description=f"Deliveries on a page, at most {LIMITS.page_size_max}."),
        ],
        responses={200: DeliveryPageSerializer, **problems(400, 404)},
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """What was sent there, newest first, and how it was answered."""
        state, pages = request.query_params.get("state"), JobPages()
        if state and state not in DeliveryState.values:
            raise _invalid("state", f"state must be one of {', '.join(DeliveryState.values)}.")
        with self.managing(request).scope():
            found = WebhookDelivery.objects.filter(endpoint=endpoints.get(webhook_id)).defer("payload")
            try:
                page = pages.paginate_queryset(found.filter(state=state) if state else found, request, view=self)
            except (NotFound, ValidationError, DataError) as error:
                raise InvalidParameter("cursor is not one that this API gave out.") from error
        return pages.get_paginated_response(DeliverySerializer(page or [], many=True).data)


class DeliveryReplayView(WebhookApiView):
    @extend_schema(
        operation_id="replay_delivery", request=None, responses={202: DeliverySerializer, **problems(404, 409)}
    )
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send it again, as the same message, with all attempts anew."""
        delivery = webhooks.replay(self.managing(request), webhook_id, delivery_id)
        return Response(DeliverySerializer(delivery).data, status=HTTPStatus.ACCEPTED)


def sent(request: Request, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The members of the request's JSON object. What is not known is refused, not ignored."""
    fields = _object(request)
    known = serializer(data=fields)
    for name in fields:
        if name not in known.fields:
            raise _invalid(name, f"There is no {name!r} here. Known are {', '.join(known.fields)}.")
    if not known.is_valid():
        name, problem = next(iter(known.errors.items()))
        raise _invalid(name, f"{name}: {_first_line(problem)}")
    return dict(known.validated_data)


def _object(request: Request) -> dict[str, Any]:
    plain = request._request
    if plain.content_type != "application/json":
        raise UnsupportedMediaType("Send JSON, with Content-Type: application/json.")
    if int(plain.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        raise MalformedBody(f"The body is longer than {MOST_BYTES:,} bytes.")
    try:
        fields = json.loads(plain.body)
    except (ValueError, RecursionError, UnreadablePostError) as error:
        raise MalformedBody("The body is not valid JSON.") from error
    if not isinstance(fields, dict):
        raise MalformedBody("The body must be a JSON object.")
    return fields


def _first_line(problem: Any) -> str:
    """Of REST framework's nested lists and dictionaries of messages."""
    while not isinstance(problem, str):
        problem = next(iter(problem.values() if isinstance(problem, dict) else problem))
    return str(problem)


def _invalid(param: str, detail: str) -> InvalidParameter:
    error = InvalidParameter(detail)
    error.param = param
    return error


def _with_secret(endpoint: WebhookEndpoint, secret: str, status: HTTPStatus) -> Response:
    described = WebhookWithSecretSerializer(endpoint, context={"secret": secret})
    return Response(described.data, status=status, headers={"Cache-Control": "no-store"})
