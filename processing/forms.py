from datetime import timedelta

from django import forms

from processing.jobs import selectable_models
from processing.models import Job, JobQuerySet, State


class HistoryFilter(forms.Form):
    """The history's filters; what is not valid does not filter, and says so."""

    q = forms.CharField(required=False, max_length=100, label="File name", widget=forms.TextInput({"type": "search"}))
    state = forms.ChoiceField(required=False, choices=[("", "Any state"), *State.choices])
    model = forms.ChoiceField(
        required=False, choices=lambda: [("", "Any model"), *((name, name) for name in selectable_models())]
    )
    since = forms.DateField(required=False, label="From", widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput({"type": "date"}))

    def jobs(self) -> JobQuerySet:
        self.full_clean()
        found: JobQuerySet = Job.objects.all()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        lookups = {
            "q": "filename__icontains",
            "state": "state",
            "model": "model",
            "since": "created_at__date__gte",
        }
        found = found.filter(**{lookups[name]: given[name] for name in given.keys() & lookups.keys()})
        return found.filter(created_at__date__lt=given["until"] + timedelta(days=1)) if "until" in given else found
