"""Say why somebody is in a segment, how rules decide for them, or why a mail was as it was."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from campaigns.models import Send
from campaigns.sending import story
from consent import audit
from consent.masking import mask_value
from personalization.conditions.explain import Explanation
from personalization.models import RuleSet, Segment
from personalization.offers import tracing
from personalization.offers.refusals import WITHHELD
from personalization.profiles import people
from personalization.rules.tracing import RuleTrace, Traced
from personalization.segments import explaining, health, history
from personalization.segments.explaining import Explained

_MARKS = {"true": "yes", "false": "no", "absent": "no data"}


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("who", help="Whole address or customer number.")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--segment", help="Short name of a segment.")
        what.add_argument("--ruleset", help="Short name of a ruleset; its live version decides.")
        what.add_argument("--send", type=int, help="Number of a send.")
        parser.add_argument(
            "--values",
            action="store_true",
            help="Show the values seen, which are masked otherwise. It is noted in the audit log.",
        )
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = people.find(options["who"])
        if not found:
            raise CommandError("Nobody has this address or number. Write it whole.")
        as_json = options["json"]
        if options["values"] and options["send"] is not None:
            raise CommandError("--values goes with --segment and --ruleset only.")
        if options["segment"] is not None:
            told = _of_segment(found[0], slug=options["segment"], in_clear=options["values"])
            self._segment(*told, as_json=as_json)
        elif options["ruleset"] is not None:
            traced = _traced(found[0], slug=options["ruleset"], in_clear=options["values"])
            self._ruleset(traced, slug=options["ruleset"], as_json=as_json)
        else:
            self._send(found, number=options["send"], as_json=as_json)

    def _segment(self, segment: Segment, found: Explained, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(_as_data(found, slug=segment.slug), default=str))
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

    def _ruleset(self, traced: Traced, *, slug: str, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"ruleset": slug, **asdict(traced)}, default=str))
            return
        fallback = " (fallback)" if traced.is_fallback else ""
        self.stdout.write(f"“{slug}”, version {traced.number}, shows {traced.shown}{fallback}.")
        for rule in traced.rules:
            for line in _rule_lines(rule):
                self.stdout.write(line)

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
            language = f", {slot.language}" if slot.language else ""
            self.stdout.write(f"  Shows {slot.variant} of block {slot.block}{language}.")


def _of_segment(profile_id: int, *, slug: str, in_clear: bool) -> tuple[Segment, Explained]:
    segment = Segment.objects.select_related("live").filter(slug=slug).first()
    if segment is None:
        raise CommandError(f"There is no segment “{slug}”.")
    found = explaining.of_person(segment, profile_id, now=timezone.now())
    if found.explanation is None:
        return segment, found
    if not in_clear:
        return segment, replace(found, explanation=_hidden(found.explanation))
    detail = {"what": "explain", "subject": profile_id}
    audit.note("personal_data.view", target=segment, detail=detail)
    return segment, found


def _hidden(found: Explanation) -> Explanation:
    seen = None if found.seen is None else mask_value(found.seen)
    return replace(found, seen=seen, children=tuple(map(_hidden, found.children)))


def _traced(profile_id: int, *, slug: str, in_clear: bool) -> Traced:
    ruleset = RuleSet.objects.select_related("live").filter(slug=slug).first()
    if ruleset is None:
        raise CommandError(f"There is no ruleset “{slug}”.")
    if ruleset.live is None:
        raise CommandError(f"The ruleset “{slug}” has no live version. Put one live.")
    traced = tracing.trace(ruleset.live, subject_id=profile_id, now=timezone.now())
    if traced is None:
        raise CommandError("This person was erased or has no address: nothing is decided for them.")
    if not in_clear:
        return replace(traced, rules=tuple(map(_masked, traced.rules)))
    detail = {"what": "explain", "subject": profile_id}
    audit.note("personal_data.view", target=ruleset, detail=detail)
    return traced


def _masked(rule: RuleTrace) -> RuleTrace:
    clauses = (replace(clause, seen=clause.masked) for clause in rule.clauses)
    return replace(rule, clauses=tuple(clauses))


def _rule_lines(rule: RuleTrace) -> Iterator[str]:
    why = f" ({rule.offer}: {WITHHELD[rule.withheld]})" if rule.withheld else ""
    yield f"{_MARKS['true' if rule.is_hit else 'false']:>7}  {rule.name}: {rule.note}{why}"
    yield f"{'':>9}would show {rule.shows}" if not rule.is_chosen else f"{'':>9}shows {rule.shows}"
    for clause in rule.clauses:
        seen = f" (seen: {clause.seen}{_since(clause.at)})" if clause.seen else ""
        indent = "  " * (clause.depth + 1)
        yield f"{indent}{_MARKS[clause.outcome]:>7}  {clause.text}{seen}"


def _lines(found: Explanation, *, depth: int = 0) -> Iterator[str]:
    seen = "" if found.seen is None else f" (seen: {found.seen}{_since(found.at)})"
    yield f"{'  ' * depth}{_MARKS[found.outcome]:>7}  {found.text}{seen}"
    for child in found.children:
        yield from _lines(child, depth=depth + 1)


def _since(at: datetime | None) -> str:
    return f", of {at:%Y-%m-%d %H:%M}" if at else ""


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
