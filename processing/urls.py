from django.urls import path, register_converter
from django.urls.converters import StringConverter

from processing import views, webhook_views
from processing.images import SHOWN


class KindConverter(StringConverter):
    regex = "|".join(SHOWN)


register_converter(KindConverter, "kind")

urlpatterns = [
    path("", views.home, name="home"),
    path("history/", views.history, name="history"),
    path("jobs/<uuid:job_id>/", views.job, name="job"),
    path("jobs/<uuid:job_id>/card/", views.card, name="job-card"),
    path("jobs/<uuid:job_id>/remove/", views.remove_images, name="job-remove"),
    path("jobs/<uuid:job_id>/<kind:kind>", views.image, name="job-image"),
    path("webhooks/", webhook_views.webhook_list, name="webhooks"),
    path("webhooks/create/", webhook_views.create, name="webhook-create"),
    path("webhooks/<uuid:webhook_id>/", webhook_views.webhook, name="webhook"),
    path("webhooks/<uuid:webhook_id>/rotate/", webhook_views.rotate, name="webhook-rotate"),
    path("webhooks/<uuid:webhook_id>/enable/", webhook_views.enable, name="webhook-enable"),
    path("webhooks/<uuid:webhook_id>/disable/", webhook_views.disable, name="webhook-disable"),
    path("webhooks/<uuid:webhook_id>/test/", webhook_views.test, name="webhook-test"),
    path("webhooks/<uuid:webhook_id>/delete/", webhook_views.delete, name="webhook-delete"),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/replay/",
        webhook_views.replay,
        name="delivery-replay",
    ),
]
