"""Prometheus figures, read at the moment they are asked for: any web process gives the same answer."""

from collections.abc import Iterator

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from accounts.tenancy import platform_scope
from processing import heartbeats, queue
from processing.errors import QueueUnavailable
from processing.models import Job, State


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
        states = [State.QUEUED, State.RUNNING]
        with platform_scope():
            jobs = Job.objects.filter(state__in=states).order_by()
            counted = dict(jobs.values_list("state").annotate(Count("pk")))
        for state in states:
            family.add_metric([state], counted.get(state, 0))
        return family

    def _workers(self) -> Iterator[GaugeMetricFamily]:
        """`mattery_queue_up` says whether the others could be read at all."""
        up = GaugeMetricFamily("mattery_queue_up", "Whether the queue answers.")
        warm = GaugeMetricFamily("mattery_warm_processes", "Processes with it warm.", labels=["model", "provider"])
        length = GaugeMetricFamily("mattery_queue_length", "Messages on the queue.", labels=["queue"])
        try:
            for (model, provider), count in heartbeats.warm_processes().items():
                warm.add_metric([model, provider], count)
            for name, messages in queue.lengths().items():
                length.add_metric([name], messages)
            up.add_metric([], 1)
        except QueueUnavailable:
            up.add_metric([], 0)
        yield from (up, warm, length)
