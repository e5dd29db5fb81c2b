"""Say why somebody is in a segment or not, or why a mail was as it was."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from campaigns.models import Send
from campaigns.sending import story
from personalization.conditions.explain import Explanation
from personalization.models import Segment
from personalization.profiles import people
from personalization.segments import explaining, health, history
from personalization.segments.explaining import Explained

_MARKS = {"true": "yes", "false": "no", "absent": "no data"}


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("who", help="Whole address or customer number.")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--segment", help="Short name of a segment.")
        what.add_argument("--send", type=int, help="Number of a send.")
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = people.find(options["who"])
        if not found:
            raise CommandError("Nobody has this address or number. Write it whole.")
        if options["segment"] is None:
            self._send(found, number=options["send"], as_json=options["json"])
        else:
            self._segment(found[0], slug=options["segment"], as_json=options["json"])

    def _segment(self, profile_id: int, *, slug: str, as_json: bool) -> None:
        segment = Segment.objects.select_related("live").filter(slug=slug).first()
        if segment is None:
            raise CommandError(f"There is no segment “{slug}”.")
        found = explaining.of_person(segment, profile_id, now=timezone.now())
        if as_json:
            self.stdout.write(json.dumps(_as_data(found, slug=slug), default=str))
            return
        self.stdout.write(f"{'In' if found.is_member else 'Not in'} “{segment.name}”.")
        if segment.broken_since is not None:
            self.stdout.write(f"The segment is broken: {health.first(segment)}.")
        for line in _lines(found.explanation) if found.explanation else ():
            self.stdout.write(line)
        for stay in found.stays:
            until = f"{stay.left_at:%Y-%m-%d %H:%M}" if stay.left_at else "now"
            cause = history.cause_words(str((stay.entered_why or {}).get("cause", "")))
            self.stdout.write(f"From {stay.entered_at:%Y-%m-%d %H:%M} to {until}. {cause}.")

    def _send(self, subject_ids: list[int], *, number: int, as_json: bool) -> None:
        send = Send.objects.filter(pk=number, subject__in=subject_ids).first()
        if send is None:
            raise CommandError(f"There is no send {number} to this person.")
        told = story.tell(send)
        because = asdict(told.because) if told.because else None
        if as_json:
            about = {"send": number, "state": send.state, "reason": told.reason, "because": because}
            self.stdout.write(json.dumps(about, default=str))
            return
        self.stdout.write(f"Send {number}: {send.get_state_display()} {told.reason}".rstrip())
        for slot in told.because.slots if told.because else ():
            self.stdout.write(f"Slot “{slot.slot}”, by the ruleset {slot.ruleset}")
            for rule in slot.rules:
                mark = {True: "yes", False: "no", None: "not asked"}[rule.is_hit]
                chosen = " (chosen)" if rule.is_chosen else ""
                self.stdout.write(f"  {mark:>9}  {rule.name}: {rule.sentence}{chosen}")


def _lines(found: Explanation, *, depth: int = 0) -> Iterator[str]:
    seen = "" if found.seen is None else f" (seen: {found.seen}" + _at(found) + ")"
    yield f"{'  ' * depth}{_MARKS[found.outcome]:>7}  {found.text}{seen}"
    for child in found.children:
        yield from _lines(child, depth=depth + 1)


def _at(found: Explanation) -> str:
    return f", last {found.at:%Y-%m-%d %H:%M}" if found.at else ""


def _as_data(found: Explained, *, slug: str) -> dict[str, Any]:
    return {
        "segment": slug,
        "is_member": found.is_member,
        "conditions": _node(found.explanation) if found.explanation else None,
        "stays": [
            {"entered_at": stay.entered_at, "left_at": stay.left_at, "why": stay.entered_why}
            for stay in found.stays
        ],
    }


def _node(found: Explanation) -> dict[str, Any]:
    return {
        "path": found.path,
        "text": found.text,
        "outcome": found.outcome,
        "seen": found.seen,
        "at": found.at,
        "children": [_node(child) for child in found.children],
    }
