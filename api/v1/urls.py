from django.urls import path

from api.v1 import account, jobs, webhooks

urlpatterns = [
    path("account", account.AccountView.as_view(), name="api-account"),
    path("usage", account.UsageView.as_view(), name="api-usage"),
    path("models", account.ModelsView.as_view(), name="api-models"),
    path("jobs", jobs.JobsView.as_view(), name="api-jobs"),
    path("jobs/<uuid:job_id>", jobs.JobView.as_view(), name="api-job"),
    path("jobs/<uuid:job_id>/cancel", jobs.JobCancelView.as_view(), name="api-job-cancel"),
    path("jobs/<uuid:job_id>/result", jobs.JobResultView.as_view(), name="api-job-result"),
    path("webhooks", webhooks.WebhooksView.as_view(), name="api-webhooks"),
    path("webhooks/<uuid:webhook_id>", webhooks.WebhookView.as_view(), name="api-webhook"),
    path("webhooks/<uuid:webhook_id>/rotate-secret", webhooks.WebhookSecretView.as_view(), name="api-webhook-secret"),
    path("webhooks/<uuid:webhook_id>/test", webhooks.WebhookTestView.as_view(), name="api-webhook-test"),
    path("webhooks/<uuid:webhook_id>/deliveries", webhooks.DeliveriesView.as_view(), name="api-deliveries"),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/replay",
        webhooks.DeliveryReplayView.as_view(),
        name="api-delivery-replay",
    ),
]
