"""What all pages of the operator console share: traces in the audit log, confirmed actions, filters."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.contrib.admin import ShowFacets
from django.contrib.admin.models import LogEntry
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import RangeDateFilter, TextFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.utils import parse_date_str


class ConsoleAdmin(ModelAdmin):  # type: ignore[misc]
    """Each change that is made through it leaves an act in the audit log."""

    actions = None  # what changes an object is confirmed on its own page
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # they count whole tables
    warn_unsaved_form = True
    list_filter_submit = True

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        entry: LogEntry = super().log_addition(request, obj, message)
        self.admin_site.record_act("add", request, obj, entry.get_change_message())
        return entry

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        entry: LogEntry = super().log_change(request, obj, message)
        self.admin_site.record_act("change", request, obj, entry.get_change_message())
        return entry

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Model]) -> Any:
        for obj in queryset:
            self.admin_site.record_act("delete", request, obj, "Deleted.")
        return super().log_deletions(request, queryset)

    def found(self, request: HttpRequest, object_id: str) -> Any:
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        return obj

    def done(self, request: HttpRequest, obj: Model, what: str) -> HttpResponse:
        """Ends a confirmed action: leaves its trace, says what happened and shows the object again."""
        self.log_change(request, obj, what)
        self.message_user(request, f"{obj}: {what}")
        return self.back_to(obj)

    def back_to(self, obj: Model) -> HttpResponse:
        page = f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change"
        return HttpResponseClientRedirect(reverse(page, args=[obj.pk]))


class ReadOnly:
    def has_add_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, ConsoleAdmin):
    pass


class Rows(TabularInline):  # type: ignore[misc]
    """Rows of a tenant that are looked at on its page and made elsewhere."""

    extra = 0
    tab = True
    show_title = False

    def has_add_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False


def confirmed[F: Callable[..., HttpResponse]](
    label: str, *, icon: str, consequence: str, permission: str, form: type[BaseDialogForm] = BaseDialogForm
) -> Callable[[F], F]:
    """An action on one object, behind a dialog that says what will happen."""
    dialog = {"title": label, "description": consequence, "form_class": form, "form_submit_text": label}
    decorate: Callable[[F], F] = action(description=label, icon=icon, permissions=[permission], dialog=dialog)
    return decorate


def badge[F: Callable[..., Any]](description: str, colours: Mapping[Any, str]) -> Callable[[F], F]:
    """A column of coloured words."""
    decorate: Callable[[F], F] = display(description=description, label=dict(colours))
    return decorate


def amount(credits: Decimal) -> str:
    return f"{credits:,.2f}".removesuffix(".00")


class TypedFilter(TextFilter):  # type: ignore[misc]
    """Rows that have exactly what is typed."""

    def condition(self, value: str) -> Q:
        return Q((self.parameter_name, value))

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        value = (self.value() or "").strip()
        try:
            return queryset.filter(self.condition(value)) if value else queryset
        except ValueError:
            return queryset.none()


class DaysFilter(RangeDateFilter):  # type: ignore[misc]
    """From one day to another, both included."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.title = "day"

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        if first := self._day("from"):
            queryset = queryset.filter((f"{self.field_path}__gte", _moment(first, time.min)))
        if last := self._day("to"):
            queryset = queryset.filter((f"{self.field_path}__lte", _moment(last, time.max)))
        return queryset

    def _day(self, end: str) -> date | None:
        day: date | None = parse_date_str(self.used_parameters.get(f"{self.field_path}_{end}"))
        return day


def _moment(day: date, at: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, at))
