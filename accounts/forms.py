from django import forms


class ApiKeyForm(forms.Form):
    name = forms.CharField(max_length=60, help_text="What will use it, such as “web shop”.")
