from django.urls import path, register_converter
from django.urls.converters import StringConverter

from processing import views
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
]
