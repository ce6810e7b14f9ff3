"""The operator console's pages about tenants, their people and their credits."""

from typing import Any

from allauth.account.forms import ResetPasswordForm
from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import Count, DecimalField, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RelatedDropdownFilter,
)
from unfold.forms import BaseDialogForm
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget

from accounts import keys, members
from accounts.console import (
    ConsoleAdmin,
    DaysFilter,
    ReadOnly,
    ReadOnlyAdmin,
    Rows,
    amount,
    badge,
    confirmed,
)
from accounts.models import Allowance, ApiKey, Membership, Plan, Role, Tenant, UsageEntry, User, this_month

admin.site.unregister([Group, EmailAddress])  # neither has a part in this product

CREDITS = DecimalField(max_digits=14, decimal_places=2)


class MemberForm(BaseDialogForm):  # type: ignore[misc]
    email = forms.EmailField(widget=UnfoldAdminEmailInputWidget)
    role = forms.ChoiceField(choices=Role.choices, initial=Role.MEMBER, widget=UnfoldAdminSelectWidget)

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if Membership.objects.filter(tenant_id=self.object_id, user=User.objects.with_email(email)).exists():
            raise forms.ValidationError("Belongs to this tenant already.")
        return email


class MembershipRows(Rows):
    model = Membership
    fields = ["user", "role", "created_at"]
    readonly_fields = ["user", "created_at"]
    ordering = ["user__email"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        rows: QuerySet[Membership] = super().get_queryset(request)
        return rows.select_related("user")


class ApiKeyRows(ReadOnly, Rows):
    model = ApiKey
    fields = readonly_fields = ["key", "created_at", "last_used_at", "revoked_at"]

    @admin.display(description="key")
    def key(self, key: ApiKey) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:accounts_apikey_change", args=[key.pk]), key)


@admin.register(Tenant)
class TenantAdmin(ConsoleAdmin):
    list_display = ["name", "plan", "credits_this_month", "jobs_this_month", "standing", "created_at"]
    list_select_related = ["plan"]
    list_filter = [("plan", RelatedDropdownFilter), ("is_suspended", BooleanRadioFilter)]
    search_fields = ["name", "id__exact"]
    fields = ["name", "plan", "cors_origins", "allows_improvement", "standing"]
    readonly_fields = ["standing"]
    actions_detail = ["add_member", "suspend", "resume"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        now = FilteredRelation("allowances", condition=Q(allowances__month=this_month()))
        reserved = UsageEntry.objects.filter(allowance=OuterRef("now__pk"), kind=UsageEntry.Kind.RESERVE)
        counted = reserved.order_by().values("allowance").annotate(count=Count("pk")).values("count")
        tenants: QuerySet[Tenant] = super().get_queryset(request)
        return tenants.annotate(now=now).annotate(
            used_now=Coalesce(F("now__used"), 0, output_field=CREDITS),
            granted_now=Coalesce(F("now__granted"), F("plan__monthly_credits"), output_field=CREDITS),
            jobs_now=Coalesce(Subquery(counted), 0),
        )

    def get_inlines(self, _request: HttpRequest, obj: Tenant | None) -> list[type[Rows]]:
        return [MembershipRows, ApiKeyRows] if obj else []

    def has_delete_permission(self, _request: HttpRequest, _obj: Tenant | None = None) -> bool:
        return False  # its ledger and its audit log outlive it; suspend it instead

    def has_suspend_permission(self, request: HttpRequest, tenant_id: str) -> bool:
        tenant = self.get_object(request, tenant_id)
        return tenant is not None and not tenant.is_suspended

    def has_resume_permission(self, request: HttpRequest, tenant_id: str) -> bool:
        tenant = self.get_object(request, tenant_id)
        return tenant is not None and tenant.is_suspended

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "plan" in form.changed_data:
            obj.apply_plan()

    @admin.display(description="credits this month", ordering="used_now")
    def credits_this_month(self, tenant: Any) -> str:
        return f"{amount(tenant.used_now)} of {amount(tenant.granted_now)}"

    @admin.display(description="jobs this month")
    def jobs_this_month(self, tenant: Any) -> str:
        return f"{tenant.jobs_now:,}"

    @badge("standing", {"active": "success", "suspended": "danger"})
    def standing(self, tenant: Tenant) -> str:
        return "suspended" if tenant.is_suspended else "active"

    @confirmed(
        "Add member",
        icon="person_add",
        consequence="Whoever has no account yet gets one without a password: "
        "send them a password reset mail from their user page.",
        permission="change",
        form=MemberForm,
    )
    def add_member(self, request: HttpRequest, form: MemberForm, object_id: str) -> HttpResponse:
        tenant = self.found(request, object_id)
        email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
        membership = members.add(tenant, email=email, role=role)
        return self.done(request, tenant, f"{membership.user} added as {role.label.lower()}.")

    @confirmed(
        "Suspend",
        icon="block",
        consequence="Its keys and people are refused from now on. Nothing is removed.",
        permission="suspend",
    )
    def suspend(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._set_suspended(request, object_id, True)

    @confirmed(
        "Resume",
        icon="play_arrow",
        consequence="Its keys and people are let in again.",
        permission="resume",
    )
    def resume(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._set_suspended(request, object_id, False)

    def _set_suspended(self, request: HttpRequest, object_id: str, is_suspended: bool) -> HttpResponse:
        tenant = self.found(request, object_id)
        tenant.is_suspended = is_suspended
        tenant.save(update_fields=["is_suspended"])
        return self.done(request, tenant, "Suspended." if is_suspended else "Resumed.")


@admin.register(Plan)
class PlanAdmin(ConsoleAdmin):
    list_display = ["name", "monthly_credits", "max_upload_mb", "max_megapixels", "tenant_count", "credits_this_month"]
    ordering = ["name"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        now = FilteredRelation("tenants__allowances", condition=Q(tenants__allowances__month=this_month()))
        plans: QuerySet[Plan] = super().get_queryset(request)
        return plans.annotate(now=now).annotate(
            tenants_now=Count("tenants"), used_now=Coalesce(Sum("now__used"), 0, output_field=CREDITS)
        )

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "monthly_credits" in form.changed_data:
            obj.apply()

    @admin.display(description="tenants", ordering="tenants_now")
    def tenant_count(self, plan: Any) -> int:
        count: int = plan.tenants_now
        return count

    @admin.display(description="credits used this month", ordering="used_now")
    def credits_this_month(self, plan: Any) -> str:
        return amount(plan.used_now)


@admin.register(User)
class UserAdmin(ConsoleAdmin):
    list_display = ["email", "name", "tenants", "is_operator", "is_active", "last_login"]
    list_filter = [("is_operator", BooleanRadioFilter), ("is_active", BooleanRadioFilter)]
    search_fields = ["email", "name"]
    ordering = ["email"]
    fields = ["email", "name", "is_operator", "is_active", "tenants", "date_joined", "last_login"]
    readonly_fields = ["tenants", "date_joined", "last_login"]
    actions_detail = ["send_password_reset"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: QuerySet[User] = super().get_queryset(request)
        return users.prefetch_related("memberships__tenant")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Nobody can lock themselves out."""
        return [*self.readonly_fields, *(["is_operator", "is_active"] if obj == request.user else [])]

    def has_delete_permission(self, _request: HttpRequest, _obj: User | None = None) -> bool:
        return False  # the audit log names them; deactivate them instead

    def has_reset_permission(self, request: HttpRequest, user_id: str) -> bool:
        user = self.get_object(request, user_id)
        return user is not None and user.is_active

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)

    @admin.display(description="member of")
    def tenants(self, user: User) -> str:
        return ", ".join(f"{membership.tenant} ({membership.role})" for membership in user.memberships.all())

    @confirmed(
        "Send password reset mail",
        icon="lock_reset",
        consequence="They get a link with which they set a new password. The present one works until then.",
        permission="reset",
    )
    def send_password_reset(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        user = self.found(request, object_id)
        form = ResetPasswordForm({"email": user.email})
        form.full_clean()
        try:
            form.save(request)
        except OSError as error:  # smtplib's errors are ones too
            self.message_user(request, f"The mail could not be sent: {error}", messages.ERROR)
            return self.back_to(user)
        return self.done(request, user, "Password reset mail sent.")


@admin.register(Membership)
class MembershipAdmin(ConsoleAdmin):
    list_display = ["user", "tenant", "role", "created_at"]
    list_select_related = ["user", "tenant"]
    list_filter = [("tenant", AutocompleteSelectFilter), ("role", ChoicesDropdownFilter)]
    search_fields = ["user__email", "tenant__name"]
    ordering = ["tenant__name", "user__email"]
    fields = ["tenant", "user", "role", "created_at"]
    readonly_fields = ["tenant", "user", "created_at"]

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False  # members are added on their tenant's page


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ["name", "prefix", "tenant", "standing", "created_at", "last_used_at"]
    list_select_related = ["tenant"]
    list_filter = [("tenant", AutocompleteSelectFilter), ("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["prefix__startswith", "name"]
    fields = ["tenant", "name", "prefix", "created_by", "created_at", "expires_at", "last_used_at", "revoked_at"]
    actions_detail = ["revoke"]

    def has_revoke_permission(self, request: HttpRequest, key_id: str) -> bool:
        key = self.get_object(request, key_id)
        return key is not None and not key.is_revoked

    @badge("standing", {"usable": "success", "revoked": "danger", "expired": "warning"})
    def standing(self, key: ApiKey) -> str:
        return "revoked" if key.is_revoked else "expired" if key.is_expired else "usable"

    @confirmed(
        "Revoke",
        icon="key_off",
        consequence="Programs that use it are refused from now on. This cannot be undone.",
        permission="revoke",
    )
    def revoke(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        key = self.found(request, object_id)
        keys.revoke(key)
        return self.done(request, key, "Revoked.")


@admin.register(Allowance)
class AllowanceAdmin(ReadOnlyAdmin):
    list_display = ["tenant", "month", "granted", "used", "left"]
    list_select_related = ["tenant"]
    list_filter = [("tenant", AutocompleteSelectFilter)]
    date_hierarchy = "month"
    fields = ["tenant", "month", "granted", "used", "left"]


@admin.register(UsageEntry)
class UsageEntryAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "tenant", "kind_badge", "credits", "api_key", "job_id"]
    list_select_related = ["tenant", "api_key"]
    list_filter = [
        ("tenant", AutocompleteSelectFilter),
        ("kind", ChoicesDropdownFilter),
        ("created_at", DaysFilter),
    ]
    search_fields = ["job_id__exact"]
    sortable_by = ["created_at"]
    fields = ["tenant", "allowance", "api_key", "job_id", "kind", "credits", "created_at"]
    paginator = InfinitePaginator

    @badge("kind", {"reserve": "info", "charge": "success", "release": "warning"})
    def kind_badge(self, entry: UsageEntry) -> str:
        return entry.kind
