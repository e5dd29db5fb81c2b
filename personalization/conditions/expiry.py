"""Say of a tree whether it holds, and until when that cannot change by the passing of time.

The moment may be early, never late: before it the tree holds or fails as it does now, as long as
nothing happens to the person. None means that time alone never changes it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from personalization.conditions import values
from personalization.conditions.comparing import make_test
from personalization.conditions.facts import EventFact, Facts
from personalization.conditions.fields import Catalogue
from personalization.conditions.history import edge
from personalization.conditions.nodes import (
    AT_LEAST_ONCE,
    PRODUCT_PREFIX,
    Absence,
    AllOf,
    AnyOf,
    Compare,
    Duration,
    EventMatch,
    Happened,
    InSegment,
    Measure,
    Node,
    Not,
    Sequence,
    Step,
)
from personalization.conditions.to_python import compile_filter, compile_measure, compile_tree
from personalization.conditions.walking import walk

Lapses: TypeAlias = Mapping[str, datetime]
Moment: TypeAlias = datetime | None
Timed: TypeAlias = Callable[[Facts, datetime, Lapses], tuple[bool, Moment]]
_RELATIVE = ("within_last", "not_within_last")
_YEARLY = "anniversary_within_next"


def compile_timed(node: Node, *, catalogue: Catalogue) -> Timed:
    """A function of facts, now, and when consents run out (purpose to moment).

    A segment inside counts as fixed: who asks looks at that one for itself.
    """
    match node:
        case AllOf(children=children):
            return _group(children, decides=False, catalogue=catalogue)
        case AnyOf(children=children):
            return _group(children, decides=True, catalogue=catalogue)
        case Not(child=child):
            return _negated(compile_timed(child, catalogue=catalogue))
        case InSegment(slug=slug):
            return lambda facts, *_: (slug in facts.segments, None)
        case Compare(field=path):
            spec = catalogue.fields.get(path)
            return _bound(_compare(node), purpose=spec.purpose if spec else None)
        case Happened(match=match):
            return _bound(_happened(node), purpose=_purpose(match, catalogue=catalogue))
        case Sequence(steps=steps):
            timed = _sequence(node)
            for step in steps:
                timed = _bound(timed, purpose=_purpose(step.match, catalogue=catalogue))
            return timed


def _purpose(match: EventMatch, *, catalogue: Catalogue) -> str | None:
    spec = catalogue.events.get(match.name)
    return spec.purpose if spec else None


def _negated(child: Timed) -> Timed:
    def negated(facts: Facts, now: datetime, lapses: Lapses) -> tuple[bool, Moment]:
        holds, until = child(facts, now, lapses)
        return not holds, until

    return negated


def _bound(timed: Timed, *, purpose: str | None) -> Timed:
    """What needs a consent may change when that runs out."""
    if purpose is None:
        return timed
    code = purpose

    def bound(facts: Facts, now: datetime, lapses: Lapses) -> tuple[bool, Moment]:
        holds, until = timed(facts, now, lapses)
        return (holds, until) if not lapses else (holds, earliest(until, lapses.get(code)))

    return bound


def _group(children: tuple[Node, ...], *, decides: bool, catalogue: Catalogue) -> Timed:
    """A child with the value `decides` decides the group, and does so as long as it keeps it.

    So a decided group changes when the last of those changes, an undecided one with the first of
    all. Fields come first: most groups are decided by them, for good and at no cost.
    """
    ordered = sorted(children, key=lambda child: not isinstance(child, Compare))
    parts = [compile_timed(child, catalogue=catalogue) for child in ordered]

    def group(facts: Facts, now: datetime, lapses: Lapses) -> tuple[bool, Moment]:
        first: Moment = None
        last: Moment = None
        is_decided = False
        for part in parts:
            holds, until = part(facts, now, lapses)
            if holds is decides:
                if until is None:
                    return decides, None
                last = until if last is None else max(last, until)
                is_decided = True
            first = earliest(first, until)
        return (decides, last) if is_decided else (not decides, first)

    return group


def _compare(node: Compare) -> Timed:
    path, test = node.field, make_test(node.op, node.value)
    if node.op == _YEARLY:
        return lambda facts, now, _: (
            test(facts.values.get(path), now),
            _midnight(facts.values.get(path), now=now),
        )
    if node.op not in _RELATIVE or not isinstance(node.value, Duration):
        return lambda facts, now, _: (test(facts.values.get(path), now), None)
    delta = node.value.delta

    def compared(facts: Facts, now: datetime, lapses: Lapses) -> tuple[bool, Moment]:
        seen = facts.values.get(path)
        return test(seen, now), _edge_of(seen, delta=delta, now=now)

    return compared


def _midnight(seen: object, *, now: datetime) -> Moment:
    """An anniversary begins and ends with a day."""
    if values.moment(seen) is None:
        return None
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)


def _edge_of(seen: object, *, delta: timedelta, now: datetime) -> Moment:
    """A date begins to be recent at itself, and stops so after the span."""
    at = values.moment(seen)
    return None if at is None else _next((at, _plus(at, delta)), now=now)


def _happened(node: Happened) -> Timed:
    name, measure = node.match.name, node.measure
    window = node.within.delta if node.within is not None else None
    holds = compile_measure(measure)
    counted = _Counted.of(node.match, window=window)
    ahead = _ahead(measure)

    def happened(facts: Facts, now: datetime, lapses: Lapses) -> tuple[bool, Moment]:
        events = facts.events.get(name)
        if not events:
            return holds([], now), None
        found = counted.look(events, now=now)
        # Before the next one counts, only those that count now can go.
        until = earliest(found.next, ahead(found, window=window, now=now))
        return holds(found.events, now), until

    return happened


@dataclass(frozen=True, slots=True)
class _Found:
    """The events that count now, oldest first; `next` is when another will or one may not."""

    events: list[EventFact]
    next: Moment


@dataclass(frozen=True, slots=True)
class _Counted:
    """Which events of one name count, and when the passing of time changes that for one."""

    filtered: Callable[[list[EventFact], datetime, datetime], list[EventFact]]
    window: timedelta | None
    # Properties compared with a span that ends now: they move an event in and out by themselves.
    moving: tuple[tuple[str, timedelta], ...]

    @classmethod
    def of(cls, match: EventMatch, *, window: timedelta | None) -> "_Counted":
        wanted = compile_filter(match)

        def filtered(events: list[EventFact], until: datetime, now: datetime) -> list[EventFact]:
            # Each event is asked at `now`, whenever it lies.
            return [
                event
                for event in events
                if event.occurred_at <= until
                and (wanted.include_machine or not event.is_machine)
                and (wanted.where is None or wanted.where(event, now))
            ]

        return cls(filtered=filtered, window=window, moving=_moving(match))

    def look(self, events: Iterable[EventFact], *, now: datetime) -> _Found:
        since = None if self.window is None else now - self.window
        inside = [event for event in events if since is None or event.occurred_at > since]
        later = (event.occurred_at for event in inside if event.occurred_at > now)
        moves = [
            _edge_of(event.properties.get(name), delta=delta, now=now)
            for name, delta in self.moving
            for event in inside
        ]
        counting = self.filtered(inside, now, now)
        counting.sort(key=_when)
        return _Found(events=counting, next=earliest(min(later, default=None), *moves))


def _when(event: EventFact) -> datetime:
    return event.occurred_at


def _moving(match: EventMatch) -> tuple[tuple[str, timedelta], ...]:
    if match.where is None:
        return ()
    return tuple(
        (node.field, node.value.delta)
        for _, _, node in walk(match.where)
        if isinstance(node, Compare)
        and node.op in _RELATIVE
        and isinstance(node.value, Duration)
        and not node.field.startswith(PRODUCT_PREFIX)
    )


def _ahead(measure: Measure) -> Callable[..., Moment]:
    """When the measure over the events that count now may turn, as they leave the window."""
    if measure == AT_LEAST_ONCE:
        return _last_leaves
    if measure.kind == "count":
        return _count_turns(measure)
    if measure.kind in ("first", "last"):
        return _edge_turns(measure)
    return _first_leaves


def _last_leaves(found: _Found, *, window: timedelta | None, now: datetime) -> Moment:
    return _leaves(found.events[-1:], window=window, now=now)


def _first_leaves(found: _Found, *, window: timedelta | None, now: datetime) -> Moment:
    return _leaves(found.events[:1], window=window, now=now)


def _leaves(events: list[EventFact], *, window: timedelta | None, now: datetime) -> Moment:
    if window is None or not events:
        return None
    return _plus(events[0].occurred_at, window)


def _count_turns(measure: Measure) -> Callable[..., Moment]:
    test = make_test(measure.op, measure.value)

    def turns(found: _Found, *, window: timedelta | None, now: datetime) -> Moment:
        if window is None:
            return None
        size = len(found.events)
        is_true = test(size, now)
        for gone in range(1, size + 1):
            if test(size - gone, now) is not is_true:
                return _plus(found.events[gone - 1].occurred_at, window)
        return None

    return turns


def _edge_turns(measure: Measure) -> Callable[..., Moment]:
    """The first one goes and the next is the first; the last one goes and there is none."""
    leaves = _first_leaves if measure.kind == "first" else _last_leaves
    delta = measure.value.delta if isinstance(measure.value, Duration) else None
    is_first = measure.kind == "first"

    def turns(found: _Found, *, window: timedelta | None, now: datetime) -> Moment:
        gone = leaves(found, window=window, now=now)
        if delta is None:
            return gone
        at = edge(found.events, kind="first" if is_first else "last")
        return earliest(gone, _edge_of(at, delta=delta, now=now))

    return turns


def _sequence(node: Sequence) -> Timed:
    holds = compile_tree(node)
    window = node.within.delta if node.within is not None else None
    steps = [
        (step.match.name, _Counted.of(step.match, window=window), _quiet_after(node.steps, place))
        for place, step in enumerate(node.steps)
    ]
    is_growing = not any(isinstance(step, Absence) for step in node.steps)

    def sequence(facts: Facts, now: datetime, lapses: Lapses) -> tuple[bool, Moment]:
        is_true = holds(facts, now)
        until: Moment = None
        for name, counted, quiet in steps:
            events = facts.events.get(name, ())
            if not events:
                continue
            found = counted.look(events, now=now)
            until = earliest(until, found.next)
            for event in found.events:
                at = event.occurred_at
                # Without an absence in it, what leaves cannot make it true.
                if window is not None and (is_true or not is_growing):
                    until = earliest(until, _plus(at, window))
                until = earliest(until, _next((_plus(at, span) for span in quiet), now=now))
        return is_true, until

    return sequence


def _quiet_after(steps: tuple[Step | Absence, ...], place: int) -> tuple[timedelta, ...]:
    """How long after an event of this step the absences that follow it directly end."""
    spans: list[timedelta] = []
    for step in steps[place + 1 :]:
        if not isinstance(step, Absence):
            break
        spans.append((spans[-1] if spans else timedelta(0)) + step.duration.delta)
    return tuple(spans)


def earliest(*moments: Moment) -> Moment:
    """Return the first of these moments; None is never."""
    found: Moment = None
    for moment in moments:
        if moment is not None and (found is None or moment < found):
            found = moment
    return found


def _next(moments: Iterable[Moment], *, now: datetime) -> Moment:
    return earliest(*(moment for moment in moments if moment is not None and moment > now))


def _plus(at: datetime, delta: timedelta) -> Moment:
    """Beyond the year 9999 is never."""
    try:
        return at + delta
    except OverflowError:
        return None


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What in a tree time alone can change: spans that end now, fields compared with such, and
    the purposes whose consents may run out."""

    has_spans: bool
    dates: frozenset[str]
    purposes: frozenset[str]


def clockwork(node: Node, *, catalogue: Catalogue) -> Clockwork:
    has_spans = False
    dates: set[str] = set()
    purposes: set[str | None] = set()
    for _, event, inner in walk(node):
        is_relative = isinstance(inner, Compare) and inner.op in (*_RELATIVE, _YEARLY)
        match inner:
            case Compare(field=path) if event is None:
                spec = catalogue.fields.get(path)
                purposes.add(spec.purpose if spec else None)
                if is_relative:
                    dates.add(path)
            case Compare():
                has_spans |= is_relative
            case Happened(match=match, measure=measure, within=within):
                purposes.add(_purpose(match, catalogue=catalogue))
                has_spans |= within is not None or isinstance(measure.value, Duration)
            case Sequence(steps=steps, within=within):
                purposes |= {_purpose(step.match, catalogue=catalogue) for step in steps}
                has_spans |= within is not None
                has_spans |= any(isinstance(step, Absence) for step in steps)
    bound = frozenset(purpose for purpose in purposes if purpose is not None)
    return Clockwork(has_spans, frozenset(dates), bound)
