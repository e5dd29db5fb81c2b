"""What lists of the admin build on: typed classes, read-only ledgers, counts that stay cheap."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin, TabularInline
    from django.contrib.admin.views.main import ChangeList
    from django.forms import ModelForm

    Pages = Paginator[Any]
else:
    from django.forms import ModelForm as _ModelForm
    from unfold.admin import ModelAdmin as _ModelAdmin
    from unfold.admin import TabularInline as _TabularInline
    from unfold.views import ChangeList

    Pages = Paginator

    # The types are generic for mypy only; at run time a parameter changes nothing.
    class ModelAdmin(_ModelAdmin):
        __class_getitem__ = classmethod(lambda cls, _parameters: cls)

    class TabularInline(_TabularInline):
        __class_getitem__ = classmethod(lambda cls, _parameters: cls)

    class ModelForm(_ModelForm):
        __class_getitem__ = classmethod(lambda cls, _parameters: cls)


M = TypeVar("M", bound=Model)
Parent = TypeVar("Parent", bound=Model)
# Nobody pages further; counting a million rows for a footer helps nobody either.
COUNTED_AT_MOST = 10_000


class PageAdmin(ModelAdmin[M]):
    """The house's list: own styles, and an empty state that teaches.

    `empty_state` has `icon`, `title`, `text` and optionally `steps`, a list of sentences.
    """

    empty_state: Mapping[str, Any] = {}
    list_per_page = 50
    show_full_result_count = False
    list_filter_submit = False
    list_filter_sheet = False

    class Media:
        css = {"all": ("attune/pages.css", "attune/records.css")}


class ReadOnlyAdmin(PageAdmin[M]):
    """A ledger: seen by who may see it, changed by nobody, whatever their role."""

    actions: Sequence[Any] | None = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False


class SheetAdmin(ReadOnlyAdmin[M]):
    """A row shown as a sheet of its own: `page_of` gives what its template needs."""

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        found: dict[str, Any] = {}
        if row is not None and self.has_view_permission(request, row):
            found = self.page_of(request, row)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **found})

    def page_of(self, request: HttpRequest, row: M) -> dict[str, Any]:
        """Look up what the page of one row shows; a look at personal data is noted here."""
        return {}


class ReadOnlyInline(TabularInline[M, Parent]):
    """Rows under a page that nobody edits there."""

    extra = 0
    can_delete = False
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class CappedPaginator(Pages):
    """Counts no further than anybody pages; the list itself stays in order of time."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[:COUNTED_AT_MOST].count()
        return len(rows)


def actor(request: HttpRequest) -> AbstractBaseUser:
    """Return who is logged in, to be named in the audit log."""
    if not isinstance(request.user, AbstractBaseUser):
        raise PermissionDenied
    return request.user


__all__ = [
    "CappedPaginator",
    "ChangeList",
    "ModelAdmin",
    "ModelForm",
    "PageAdmin",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "SheetAdmin",
    "TabularInline",
    "actor",
]
