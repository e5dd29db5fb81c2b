"""Accounts of staff and their roles, in the look of the house."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.admin import display
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin as UnfoldAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from consent.admin.look import chip, chips, two_lines, when

if TYPE_CHECKING:

    class UserBase(DjangoUserAdmin[User]): ...

    class GroupBase(DjangoGroupAdmin): ...

else:

    class UserBase(DjangoUserAdmin, UnfoldAdmin):
        form = UserChangeForm
        add_form = UserCreationForm
        change_password_form = AdminPasswordChangeForm

    class GroupBase(DjangoGroupAdmin, UnfoldAdmin):
        pass


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(UserBase):
    list_display = ("named", "roles", "access", "seen")
    list_filter = ("is_active", "is_superuser", "groups")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        found: QuerySet[User] = super().get_queryset(request)
        return found.prefetch_related("groups")

    @display(description="User", ordering="username")
    def named(self, user: User) -> SafeString:
        return two_lines(user.username, user.get_full_name() or "no name given")

    @display(description="Roles")
    def roles(self, user: User) -> SafeString:
        return chips(*(chip(group.name) for group in user.groups.all()))

    @display(description="Access", ordering="is_active")
    def access(self, user: User) -> SafeString:
        if not user.is_active or not user.is_staff:
            return chip("No access")
        return (
            chip("Everything", tone="warn") if user.is_superuser else chip("By role", tone="good")
        )

    @display(description="Last login", ordering="last_login")
    def seen(self, user: User) -> SafeString:
        return when(user.last_login)


@admin.register(Group)
class GroupAdmin(GroupBase):
    """Roles; `manage.py sync_roles` sets their permissions again."""
