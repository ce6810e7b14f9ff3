from datetime import datetime, timedelta

from django import forms
from django.utils import timezone


class ApiKeyForm(forms.Form):
    name = forms.CharField(max_length=60, help_text="What will use it, such as “web shop”.")
    days = forms.TypedChoiceField(
        label="Expires",
        required=False,
        choices=[("", "Never"), (30, "In 30 days"), (90, "In 90 days"), (365, "In a year")],
        coerce=int,
        empty_value=None,
    )

    @property
    def expires_at(self) -> datetime | None:
        days: int | None = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=days) if days else None
