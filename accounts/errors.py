"""Who asks, and how much is left.

AccountError
├── KeyMissing            401 key_missing
├── KeyInvalid            401 key_invalid
├── KeyRevoked            401 key_revoked
├── KeyExpired            401 key_expired
├── RoleForbids           403 role_forbids
├── TenantSuspended       403 tenant_suspended
├── ConsentMissing        403 consent_missing
├── WebhookNotFound       404 webhook_not_found
├── TooManyKeys           409 too_many_keys
├── TooManyWebhooks       409 too_many_webhooks
├── WebhookDisabled       409 webhook_disabled
├── SecretUnreadable      500 secret_unreadable
├── InsufficientCredits   402 insufficient_credits
├── RateLimited           429 rate_limited
└── TooManyJobs           429 too_many_jobs
"""

from config.errors import MatteryError


class AccountError(MatteryError):
    pass


class KeyMissing(AccountError):
    code, status, title = "key_missing", 401, "No API key given"
    usual_detail = "Send your API key in the X-API-Key header or as Authorization: Bearer."


class KeyInvalid(AccountError):
    code, status, title = "key_invalid", 401, "This API key does not exist"


class KeyRevoked(AccountError):
    code, status, title = "key_revoked", 401, "This API key has been revoked"


class KeyExpired(AccountError):
    code, status, title = "key_expired", 401, "This API key has expired"


class RoleForbids(AccountError):
    code, status, title = "role_forbids", 403, "Your role does not allow this"


class TenantSuspended(AccountError):
    code, status, title = "tenant_suspended", 403, "This account is suspended"


class ConsentMissing(AccountError):
    code, status, title = "consent_missing", 403, "This account has not consented"


class TooManyKeys(AccountError):
    code, status, title = "too_many_keys", 409, "There are too many API keys"


class WebhookNotFound(AccountError):
    code, status, title = "webhook_not_found", 404, "No such webhook"
    usual_detail = "There is no webhook with this id."


class TooManyWebhooks(AccountError):
    code, status, title = "too_many_webhooks", 409, "There are too many webhooks"


class WebhookDisabled(AccountError):
    code, status, title = "webhook_disabled", 409, "The webhook is disabled"
    usual_detail = "Nothing is sent to a disabled webhook. Enable it first."


class SecretUnreadable(AccountError):
    code, status, title = "secret_unreadable", 500, "The webhook's secret cannot be read"
    usual_detail = (
        "The installation's own secret has been changed since this one was made. Rotate the webhook's secret."
    )


class InsufficientCredits(AccountError):
    code, status, title = "insufficient_credits", 402, "No credits left"


class TooManyJobs(AccountError):
    code, status, title, is_retryable = "too_many_jobs", 429, "Too many jobs wait", True
    usual_retry_after_s = 5


class RateLimited(AccountError):
    code, status, title, is_retryable = "rate_limited", 429, "Too many requests", True
