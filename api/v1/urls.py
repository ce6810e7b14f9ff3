from django.urls import path

from api.v1 import jobs

urlpatterns = [
    path("jobs", jobs.JobsView.as_view(), name="api-jobs"),
    path("jobs/<uuid:job_id>", jobs.JobView.as_view(), name="api-job"),
    path("jobs/<uuid:job_id>/result", jobs.JobResultView.as_view(), name="api-job-result"),
]
