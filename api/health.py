"""Whether this installation lives and can work, and its figures."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from processing import heartbeats
from processing.errors import QueueUnavailable


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """This process lives; it says nothing of the others."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """Some worker has the default model warm and can serve it now."""
    try:
        workers = heartbeats.alive()
    except QueueUnavailable as error:
        return JsonResponse({"status": "unavailable", "reason": error.detail}, status=503)
    if not any(settings.DEFAULT_MODEL in worker.warm for worker in workers):
        return JsonResponse(
            {"status": "unavailable", "reason": f"No worker has {settings.DEFAULT_MODEL} warm."},
            status=503,
        )
    return JsonResponse(
        {
            "status": "ok",
            "workers": [
                {"process": worker.process, "provider": worker.provider, "warm": worker.warm} for worker in workers
            ],
        }
    )
