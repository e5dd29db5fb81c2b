"""The filter of segments: those in use, or those put away."""

from django.db.models import QuerySet
from django.http import HttpRequest

from personalization.admin.option_filter import OptionFilter
from personalization.models import Segment


class ShelfFilter(OptionFilter):
    """What is archived shows only when asked for."""

    title = "archive"
    parameter_name = "archived"
    options = {"no": "Not archived", "yes": "Archived"}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Segment]) -> QuerySet[Segment]:
        return queryset.filter(is_archived=self.value() == "yes")
