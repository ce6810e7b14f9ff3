"""Who belongs to a tenant."""

from accounts.models import Membership, Role, Tenant, User


def add(tenant: Tenant, *, email: str, role: Role) -> Membership:
    """Makes the user too, if there is none: without a password, until they set one through a reset mail."""
    user = User.objects.with_email(email) or User.objects.create_user(email)
    return Membership.objects.create(tenant=tenant, user=user, role=role)
