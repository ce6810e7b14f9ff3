"""Jobs, workers, storage, and what is fetched from elsewhere.

ProcessingError
├── JobNotFound          404 job_not_found
├── DeliveryNotFound     404 delivery_not_found
├── ResultNotReady       409 result_not_ready
├── JobCanceled          409 job_canceled
├── JobFinished          409 job_finished
├── RequestInProgress    409 request_in_progress
├── ImagesRemoved        410 images_removed
├── IdempotencyKeyReused 422 idempotency_key_reused
├── RunTimedOut          422 run_timed_out
├── WebhookUrlRefused    422 webhook_url_refused
├── FetchError
│   ├── UrlRefused       400 url_refused
│   ├── FetchFailed      422 fetch_failed
│   ├── FetchTimedOut    422 fetch_timed_out
│   └── TooManyFetches   503 too_many_fetches
├── OriginalMissing      500 original_missing
├── WorkerLost           500 worker_lost
├── NoWarmWorker         503 no_warm_worker
├── QueueUnavailable     503 queue_unavailable
├── StorageUnavailable   503 storage_unavailable
└── WaitTimedOut         503 wait_timed_out
"""

from config.errors import MatteryError


class ProcessingError(MatteryError):
    pass


class JobNotFound(ProcessingError):
    code, status, title = "job_not_found", 404, "No such job"
    usual_detail = "There is no job with this id."


class DeliveryNotFound(ProcessingError):
    code, status, title = "delivery_not_found", 404, "No such delivery"
    usual_detail = "This webhook has no delivery with this id. Deliveries are kept for a limited time."


class ResultNotReady(ProcessingError):
    code, status, title, is_retryable = "result_not_ready", 409, "The job has not finished", True


class JobCanceled(ProcessingError):
    code, status, title = "job_canceled", 409, "The job was canceled"


class JobFinished(ProcessingError):
    code, status, title = "job_finished", 409, "The job has ended already"


class RequestInProgress(ProcessingError):
    code, status, title, is_retryable = "request_in_progress", 409, "A request with this key is under way", True
    usual_detail = "The first request with this Idempotency-Key has not been answered yet. Ask again shortly."


class IdempotencyKeyReused(ProcessingError):
    code, status, title = "idempotency_key_reused", 422, "This Idempotency-Key came with another request"
    usual_detail = "Use a new Idempotency-Key for every new request, and the same one only to repeat it unchanged."


class ImagesRemoved(ProcessingError):
    code, status, title = "images_removed", 410, "The images have been removed"
    usual_detail = "The images of this job have been removed; the line in the history stays."


class RunTimedOut(ProcessingError):
    code, status, title = "run_timed_out", 422, "The image took too long"


class WebhookUrlRefused(ProcessingError):
    code, status, title = "webhook_url_refused", 422, "Nothing can be sent to this address"


class FetchError(ProcessingError):
    """What a customer's URL leads to could not be had."""


class UrlRefused(FetchError):
    code, status, title = "url_refused", 400, "This address is not called"


class FetchFailed(FetchError):
    code, status, title = "fetch_failed", 422, "The file could not be fetched"


class FetchTimedOut(FetchError):
    code, status, title, is_retryable = "fetch_timed_out", 422, "Fetching the file took too long", True
    usual_detail = "The server at this address is too slow. Try again, or send the file itself."


class TooManyFetches(FetchError):
    code, status, title, is_retryable = "too_many_fetches", 503, "Too many files are being fetched", True
    usual_detail = "Too many files are being fetched just now. Try again shortly, or send the file itself."
    usual_retry_after_s = 2


class OriginalMissing(ProcessingError):
    code, status, title = "original_missing", 500, "The stored image is gone"


class WorkerLost(ProcessingError):
    code, status, title, is_retryable = "worker_lost", 500, "The workers failed on this image", True


class NoWarmWorker(ProcessingError):
    code, status, title, is_retryable = "no_warm_worker", 503, "No worker is ready", True
    usual_detail = "No worker is ready just now. Try again shortly, or do not wait."
    usual_retry_after_s = 10


class QueueUnavailable(ProcessingError):
    code, status, title, is_retryable = "queue_unavailable", 503, "The queue is not reachable", True
    usual_detail = "The queue is not reachable just now. Try again shortly."
    usual_retry_after_s = 5


class StorageUnavailable(ProcessingError):
    code, status, title, is_retryable = (
        "storage_unavailable",
        503,
        "The image storage is not reachable",
        True,
    )
    usual_detail = "The image could not be stored or read. Try again shortly."
    usual_retry_after_s = 10


class WaitTimedOut(ProcessingError):
    code, status, title, is_retryable = (
        "wait_timed_out",
        503,
        "The result was not ready in time",
        True,
    )
