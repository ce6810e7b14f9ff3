"""Prometheus figures, read at the moment they are asked for: any web process gives the same answer."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from accounts.tenancy import platform_scope
from config.celery import HOUSEKEEPING, INTERACTIVE
from processing import heartbeats, queue
from processing.errors import QueueUnavailable
from processing.models import FINAL, Job, State


@require_safe
def metrics(_request: HttpRequest) -> HttpResponse:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Figures(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield self._unfinished_jobs()
        yield from self._workers()

    def _unfinished_jobs(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily("mattery_unfinished_jobs", "Jobs that wait or run.", labels=["state"])
        with platform_scope():
            unfinished = Job.objects.exclude(state__in=FINAL).count_by_state()
        for state in (State.QUEUED, State.RUNNING):
            family.add_metric([state], unfinished[state])
        return family

    def _workers(self) -> Iterator[GaugeMetricFamily]:
        """`mattery_queue_up` says whether the others could be read at all."""
        up = GaugeMetricFamily("mattery_queue_up", "Whether the queue answers.")
        warm = GaugeMetricFamily("mattery_warm_processes", "Processes with it warm.", labels=["model", "provider"])
        length = GaugeMetricFamily("mattery_queue_length", "Messages on the queue.", labels=["queue"])
        try:
            for (model, provider), count in heartbeats.warm_processes().items():
                warm.add_metric([model, provider], count)
            for name in (INTERACTIVE, HOUSEKEEPING):
                length.add_metric([name], queue.length(name))
            up.add_metric([], 1)
        except QueueUnavailable:
            up.add_metric([], 0)
        yield from (up, warm, length)
