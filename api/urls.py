from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

from api import health, metrics, reference
from api.compat import rembg, removebg, rmbg
from api.v1.jobs import ImageLinkView

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("api/v1/", include("api.v1.urls")),
    path("api/v1/remove", rmbg.RemoveView.as_view(), name="rmbg-remove"),
    path("api/v1/task/<uuid:task_id>", rmbg.TaskView.as_view(), name="rmbg-task"),
    path("api/v1/openapi.json", reference.openapi, name="openapi"),
    path("api/remove", rembg.remove, name="rembg-remove"),
    path("v1.0/removebg", removebg.remove, name="removebg"),
    path("v1.0/account", removebg.account, name="removebg-account"),
    path("v1.0/improve", removebg.improve, name="removebg-improve"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="api-docs"),
    path("docs/errors", reference.errors, name="api-errors"),
    path("images/<str:token>", ImageLinkView.as_view(), name="image-link"),
    path("images/<str:token>/<str:name>", rmbg.ResultView.as_view(), name="rmbg-result"),
]
