from typing import Any

from django import forms

from accounts.models import WebhookEvent
from processing.jobs import selectable_models
from processing.models import State

LOOKUPS = {
    "q": "filename__icontains",
    "state": "state",
    "model": "model",
    "since": "created_at__date__gte",
    "until": "created_at__date__lte",
}


class HistoryFilter(forms.Form):
    """The history's filters; what is not valid does not filter, and says so."""

    q = forms.CharField(required=False, max_length=100, label="File name", widget=forms.TextInput({"type": "search"}))
    state = forms.ChoiceField(required=False, choices=[("", "Any state"), *State.choices])
    model = forms.ChoiceField(
        required=False, choices=lambda: [("", "Any model"), *((name, name) for name in selectable_models())]
    )
    since = forms.DateField(required=False, label="From", widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput({"type": "date"}))

    def lookups(self) -> dict[str, Any]:
        self.full_clean()
        return {LOOKUPS[name]: value for name, value in self.cleaned_data.items() if value}


class WebhookForm(forms.Form):
    url = forms.CharField(
        label="Address",
        max_length=2_000,
        widget=forms.URLInput({"placeholder": "https://example.com/mattery"}),
        help_text="A public server of yours that takes POST requests.",
    )
    description = forms.CharField(required=False, max_length=200, help_text="For yourselves, such as “web shop”.")
    events = forms.MultipleChoiceField(
        required=False,
        choices=[(event.value, event.value) for event in WebhookEvent],
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all of them, those of later versions too.",
    )
