"""A filter of a list that always stands on one of its options, the first unless asked otherwise."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest


class OptionFilter(SimpleListFilter):
    """Without "all": what the other options hold shows only when asked for."""

    options: ClassVar[dict[str, str]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.options.items())

    def value(self) -> str:
        chosen = super().value()
        return chosen if chosen in self.options else next(iter(self.options))

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for value, label in self.options.items():
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({str(self.parameter_name): value}),
                "display": label,
            }
