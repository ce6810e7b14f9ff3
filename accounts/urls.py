from django.urls import path

from accounts import views

urlpatterns = [
    path("keys/", views.api_keys, name="keys"),
    path("keys/create/", views.create_key, name="key-create"),
    path("keys/<int:key_id>/revoke/", views.revoke_key, name="key-revoke"),
    path("workspace/", views.switch_workspace, name="workspace-switch"),
]
