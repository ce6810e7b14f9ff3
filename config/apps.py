from django.contrib.admin.apps import AdminConfig


class OperatorConsoleConfig(AdminConfig):
    default_site = "processing.console.OperatorSite"
