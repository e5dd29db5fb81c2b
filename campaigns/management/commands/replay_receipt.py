"""Take a decision again from its receipt; say whether it comes out equal, or where it differs."""

import json
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.sending.replay import replay_mail
from personalization.models import Receipt
from personalization.replay import Outcome, Replayed


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "id", help="Message key of a mail, decision id of an answer, or number of a receipt."
        )
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        receipt = _receipt(options["id"])
        done = replay_mail(receipt)
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(receipt, done)))
        else:
            self.stdout.write(_sentences(receipt, done))
        if done.outcome is not Outcome.EQUAL:
            raise CommandError(done.reason or "the replay differs from the receipt")


def _receipt(given: str) -> Receipt:
    by: dict[str, object] = {"pk": int(given)} if given.isascii() and given.isdigit() else {}
    if not by:
        try:
            by = {"message_key": uuid.UUID(given)}
        except ValueError:
            raise CommandError(
                f"“{given}” is neither a message key nor the number of a receipt"
            ) from None
    found = Receipt.objects.select_related("subject").filter(**by).first()
    if found is None:
        raise CommandError(f"there is no receipt {given}; receipts past their time are deleted")
    return found


def _as_json(receipt: Receipt, done: Replayed) -> dict[str, object]:
    return {
        "decision_id": str(receipt.message_key),
        "decided_at": receipt.decided_at.isoformat(),
        "outcome": done.outcome,
        "reason": done.reason,
        "differences": [
            {"place": each.place, "recorded": each.recorded, "replayed": each.replayed}
            for each in done.differences
        ],
    }


def _sentences(receipt: Receipt, done: Replayed) -> str:
    lines = [f"Receipt {receipt.pk}, decided {receipt.decided_at:%Y-%m-%d %H:%M:%S} UTC: "]
    if done.outcome is Outcome.EQUAL:
        return lines[0] + "equal. Rules, content and every rendered byte come out the same."
    lines[0] += done.reason or "different."
    lines += [
        f"  {each.place}: recorded {each.recorded}, now {each.replayed}"
        for each in done.differences
    ]
    return "\n".join(lines)
