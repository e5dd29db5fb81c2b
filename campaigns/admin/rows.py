"""Lists that look up once for a whole page what each of its rows shows."""

from collections.abc import Sequence
from typing import Any, Protocol

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest

from campaigns.models import Send
from consent import audit, identify, masking
from consent.admin.base import ChangeList
from personalization.models import Receipt

IN_CLEAR = "consent.view_personal_data"


class Fills(Protocol):
    def fill(self, rows: list[Any], *, request: HttpRequest) -> None:
        """Give the rows of one page what they show."""


class FilledList(ChangeList):
    """The admin's list; its `fill` is called with the rows of the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        owner: Any = self.model_admin
        owner.fill(rows, request=request)
        self.result_list = rows


def recipients(
    found: Sequence[Send] | Sequence[Receipt], *, viewer: User | AnonymousUser
) -> dict[int, str]:
    """Return the addresses behind rows as the viewer may see them, by subject; a look is noted."""
    addresses = identify.emails({row.subject_id for row in found})
    if not viewer.has_perm(IN_CLEAR):
        return {pk: masking.mask_email(address) for pk, address in addresses.items()}
    if addresses:
        kind = "sends" if isinstance(found[0], Send) else "receipts"
        detail = {"list": kind, "people": len(addresses)}
        audit.note("personal_data.view", actor=viewer, detail=detail)
    return addresses
