"""How the operator console looks, and what its sidebar leads to: unfold's settings."""

from django.templatetags.static import static
from django.urls import reverse_lazy


def _console_page(title: str, icon: str, view: str) -> dict[str, object]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{view}")}


UNFOLD = {
    "SITE_TITLE": "Mattery operator",
    "SITE_HEADER": "Mattery",
    "SITE_SUBHEADER": "Operator console",
    "SITE_ICON": lambda _request: static("favicon.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("favicon.svg")}],
    # Shades of the dashboard's accent.
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 267)",
            "100": "oklch(94% .03 267)",
            "200": "oklch(89% .055 267)",
            "300": "oklch(82% .095 267)",
            "400": "oklch(74% .13 267)",
            "500": "oklch(65% .18 267)",
            "600": "oklch(53% .22 267)",
            "700": "oklch(47% .21 267)",
            "800": "oklch(41% .17 267)",
            "900": "oklch(36% .13 267)",
            "950": "oklch(27% .09 267)",
        },
    },
    "SITE_URL": "/",
    "ACCOUNT": {"navigation": [{"title": "Change password", "link": reverse_lazy("account_change_password")}]},
    "SIDEBAR": {
        "navigation": [
            {
                "items": [
                    _console_page("Overview", "monitoring", "index"),
                    {"title": "Dashboard", "icon": "arrow_back", "link": reverse_lazy("home"), "active": False},
                ],
            },
            {
                "title": "Tenancy",
                "items": [
                    _console_page("Tenants", "apartment", "accounts_tenant_changelist"),
                    _console_page("Members", "groups", "accounts_membership_changelist"),
                    _console_page("Users", "person", "accounts_user_changelist"),
                    _console_page("API keys", "key", "accounts_apikey_changelist"),
                    _console_page("Plans", "sell", "accounts_plan_changelist"),
                ],
            },
            {
                "title": "Metering",
                "items": [
                    _console_page("Allowances", "account_balance_wallet", "accounts_allowance_changelist"),
                    _console_page("Usage", "receipt_long", "accounts_usageentry_changelist"),
                ],
            },
            {
                "title": "Processing",
                "items": [
                    _console_page("Jobs", "image", "processing_job_changelist"),
                    _console_page("Submissions", "model_training", "processing_improvementsubmission_changelist"),
                ],
            },
            {"title": "Audit", "items": [_console_page("Audit log", "policy", "processing_auditrecord_changelist")]},
        ],
    },
}
