"""The limits of the product, in one table: name, default, unit, help.

Each can be changed through the environment as MATTERY_<NAME>; docs/configuration.md lists the same table. Limits
that differ from tenant to tenant stand on their plan (accounts/models.py).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Self


def limit(default: int, unit: str, description: str) -> int:
    value: int = field(default=default, metadata={"unit": unit, "help": description})
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    max_side_px: int = limit(32_768, "pixels", "The longest side of an image.")
    body_overhead_bytes: int = limit(65_536, "bytes", "What a form may add to the bytes of its image.")
    chunked_bytes: int = limit(100_000_000, "bytes", "The longest body that is sent in chunks, without a length.")
    wait_max_s: int = limit(60, "seconds", "The longest that a request may wait for its result.")
    attempts: int = limit(3, "runs", "How often a job is tried before it fails.")
    lease_s: int = limit(15, "seconds", "How long a worker owns a job without renewing its lease.")
    lease_renewal_s: int = limit(4, "seconds", "How often a running job renews its lease.")
    pickup_s: int = limit(20, "seconds", "A job queued for longer is put on the queue again.")
    sweep_s: int = limit(4, "seconds", "How often the sweeper looks for lost jobs.")
    run_soft_s: int = limit(60, "seconds", "A run that takes longer fails.")
    run_hard_s: int = limit(75, "seconds", "A run that ignores the soft limit is killed.")
    heartbeat_s: int = limit(4, "seconds", "How often a worker process says that it is warm.")
    heartbeat_ttl_s: int = limit(12, "seconds", "A worker process silent for longer counts as gone.")
    session_budget_mb: int = limit(
        1_024, "megabytes", "Weights that one worker process keeps loaded beside the pinned ones."
    )
    worker_tasks: int = limit(2_000, "jobs", "A worker process is replaced after this many.")
    worker_memory_mb: int = limit(4_096, "megabytes", "A worker process that has grown beyond this is replaced.")
    fetch_s: int = limit(20, "seconds", "How long fetching a file from a customer's address may take in all.")
    fetch_connect_s: int = limit(5, "seconds", "How long finding that address's server, or connecting to it, may take.")
    fetch_silence_s: int = limit(10, "seconds", "How long that server may say nothing.")
    fetches: int = limit(8, "files", "How many one web process fetches at the same time; for one tenant two thirds.")
    waits: int = limit(
        20, "requests", "How many of one web process may wait for results at the same time; of one tenant two thirds."
    )
    fetch_redirects: int = limit(3, "redirects", "How many are followed when a file is fetched.")
    link_s: int = limit(900, "seconds", "How long a signed link to an image works.")
    page_size: int = limit(20, "lines", "Lines on a page, when the request does not say.")
    page_size_max: int = limit(100, "lines", "Lines on a page, at most.")
    key_use_s: int = limit(60, "seconds", "How exactly the last use of an API key is noted.")
    idempotency_s: int = limit(86_400, "seconds", "For how long an Idempotency-Key is remembered, with its answer.")
    keys_per_tenant: int = limit(50, "keys", "API keys of one tenant that are not revoked.")
    submissions_per_day: int = limit(100, "images", "What a tenant may send in a day for improving the models.")
    webhooks_per_tenant: int = limit(10, "webhooks", "Webhooks of one tenant.")
    webhook_s: int = limit(10, "seconds", "How long one attempt to deliver to a webhook may take in all.")
    webhook_rotation_s: int = limit(86_400, "seconds", "How long a webhook's previous secret goes on signing.")
    webhook_senders: int = limit(16, "deliveries", "What one worker process sends to webhooks at the same time.")
    webhooks_at_once: int = limit(8, "deliveries", "What is under way for one tenant at the same time.")
    webhook_batch: int = limit(20, "deliveries", "What one sweep sends to one webhook, at most.")
    delivery_days: int = limit(30, "days", "How long deliveries to webhooks are kept.")
    audit_export_rows: int = limit(500_000, "lines", "Lines in one CSV export of the audit log.")

    def __post_init__(self) -> None:
        rules = {
            "MATTERY_ATTEMPTS must be at least 1.": self.attempts >= 1,
            "MATTERY_LEASE_RENEWAL_S must be less than MATTERY_LEASE_S.": self.lease_renewal_s < self.lease_s,
            "MATTERY_HEARTBEAT_S must be less than MATTERY_HEARTBEAT_TTL_S.": self.heartbeat_s < self.heartbeat_ttl_s,
            "MATTERY_RUN_SOFT_S must be less than MATTERY_RUN_HARD_S.": self.run_soft_s < self.run_hard_s,
            "MATTERY_PAGE_SIZE must not exceed MATTERY_PAGE_SIZE_MAX.": self.page_size <= self.page_size_max,
        }
        for rule, holds in rules.items():
            if not holds:
                raise SystemExit(rule)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        given = {f.name: environment.get(f"MATTERY_{f.name.upper()}", "") for f in fields(cls)}
        wrong = [name for name, value in given.items() if value and not value.isdecimal()]
        if wrong:
            raise SystemExit(f"MATTERY_{wrong[0].upper()} must be a whole number, not {given[wrong[0]]!r}.")
        return cls(**{name: int(value) for name, value in given.items() if value})


LIMITS = Limits.from_environment(os.environ)
