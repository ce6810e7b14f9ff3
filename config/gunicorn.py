"""Gunicorn: threads, because a request that waits for its result holds one and does no work."""

from accounts.checks import require_fenced_role
from config import env
from config.limits import LIMITS

bind = f"{env.text('BIND_HOST')}:{env.number('PORT')}"
worker_class = "gthread"
workers = env.number("WEB_PROCESSES")
threads = env.number("WEB_THREADS")
timeout = LIMITS.wait_max_s + 30
graceful_timeout = 30
keepalive = 15
max_requests = 20_000
max_requests_jitter = 2_000
worker_tmp_dir = "/dev/shm"  # noqa: S108  gunicorn's heartbeat file must not wait for a disk
accesslog = None  # the audit log has every API request
control_socket_disable = True
preload_app = True  # so that settings that are wrong stop the server, and not each of its processes again and again


def on_starting(_server: object) -> None:
    """Runs once, in the process that forks the others, before anything listens."""
    require_fenced_role()
