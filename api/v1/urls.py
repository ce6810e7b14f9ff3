from django.urls import path

from api.v1 import account, jobs

urlpatterns = [
    path("account", account.AccountView.as_view(), name="api-account"),
    path("usage", account.UsageView.as_view(), name="api-usage"),
    path("models", account.ModelsView.as_view(), name="api-models"),
    path("jobs", jobs.JobsView.as_view(), name="api-jobs"),
    path("jobs/<uuid:job_id>", jobs.JobView.as_view(), name="api-job"),
    path("jobs/<uuid:job_id>/cancel", jobs.JobCancelView.as_view(), name="api-job-cancel"),
    path("jobs/<uuid:job_id>/result", jobs.JobResultView.as_view(), name="api-job-result"),
]
