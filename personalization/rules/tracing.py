"""Say for one customer how a version decides: every rule, every condition, and what was seen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from consent import gate
from consent.masking import mask_value
from personalization.conditions.explain import Explanation, explain
from personalization.conditions.facts import Facts
from personalization.conditions.fields import Catalogue
from personalization.models import RuleSetVersion
from personalization.profiles import ages, catalogue, load
from personalization.rules.applicable import applicable
from personalization.rules.evaluate import Rule, evaluate, without
from personalization.rules.simulate import PURPOSE, needs_of
from personalization.rules.wording import PLAINLY, Called, all_in_words, outcome_in_words

_NONE: Mapping[str, str] = {}
_JOINED = {"all": "all of these:", "any": "at least one of these:"}
_NOT_JOINED = {"all": "not all of these:", "any": "none of these:"}


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition, or what joins those below it; `depth` says how deep in groups it stands.

    `seen` is personal data,

    `masked` what may be shown of it to anybody, `at` since when it is so.
    """

    text: str
    outcome: str
    depth: int
    seen: str = ""
    masked: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """`is_hit` says whether its condition holds, also where it is off or was not asked.

    `withheld` says why its offer could not be given, where it held and gave way.
    """

    name: str
    shows: str
    is_hit: bool
    is_chosen: bool
    note: str
    clauses: tuple[Clause, ...]
    offer: str = ""
    withheld: str = ""


@dataclass(frozen=True, slots=True)
class Traced:
    number: int
    shown: str
    is_fallback: bool
    rules: tuple[RuleTrace, ...]


def trace(
    version: RuleSetVersion,
    *,
    subject_id: int,
    now: datetime,
    withheld: Mapping[str, str] = _NONE,
    called: Called = PLAINLY,
) -> Traced | None:
    """Decide for one person and explain it; None for who cannot be reached at all.

    `withheld` says by the offer why this person cannot have it, `called` what outcomes show.
    """
    known = catalogue.load()
    ready = applicable(version.content, known=known)
    compiled = without(ready.ruleset, offers=withheld)
    loaded = load.profiles(
        gate.permissions([subject_id], purpose=PURPOSE, at=now),
        needs=needs_of([compiled]),
        catalogue=known,
        now=now,
        with_history=False,
    )
    if not loaded:
        return None
    facts, since = loaded[0].facts, ages.of(subject_id)
    decision = evaluate(compiled, facts, now)
    chosen = {rule.key for rule in decision.hits}
    rules = sorted(compiled.definition.rules, key=lambda rule: rule.priority)
    return Traced(
        number=version.number,
        shown=all_in_words(
            [rule.outcome for rule in decision.hits] or [decision.outcome], called=called
        ),
        is_fallback=decision.is_fallback,
        rules=tuple(
            _traced(
                rule,
                chosen=rule.key in chosen,
                left_out=ready.left_out.get(rule.key, ""),
                withheld=withheld.get(str(rule.outcome.get("offer")), ""),
                called=called,
                facts=facts,
                now=now,
                known=known,
                since=since,
            )
            for rule in rules
        ),
    )


def _traced(
    rule: Rule,
    *,
    chosen: bool,
    left_out: str,
    withheld: str,
    called: Called,
    facts: Facts,
    now: datetime,
    known: Catalogue,
    since: Mapping[str, datetime],
) -> RuleTrace:
    whole = explain(rule.condition, facts=facts, now=now, catalogue=known, ages=since)
    is_hit = whole.outcome == "true" and not left_out
    gave_way = withheld if is_hit and rule.is_enabled and rule.is_active(now) else ""
    note = _note(rule, is_hit=is_hit, is_chosen=chosen, now=now)
    if gave_way:
        note = "true, but its offer could not be given"
    return RuleTrace(
        name=rule.name,
        shows=outcome_in_words(rule.outcome, called=called),
        is_hit=is_hit,
        is_chosen=chosen,
        note=f"does not apply: {left_out}" if left_out else note,
        clauses=tuple(_clauses(whole, depth=0)),
        offer=str(rule.outcome.get("offer") or ""),
        withheld=gave_way,
    )


def _note(rule: Rule, *, is_hit: bool, is_chosen: bool, now: datetime) -> str:
    if not rule.is_enabled:
        return "switched off"
    if not rule.is_active(now):
        return "not active at this time"
    if is_hit and not is_chosen:
        return "true, but another rule decided"
    return "decided" if is_chosen else "not true"


def _clauses(explanation: Explanation, *, depth: int) -> Iterator[Clause]:
    """Conditions from the top, each group inside under a line of its own that says what joins it.

    What is turned around is one line: it holds where the condition in it does not.
    """
    children, joined = explanation.children, _JOINED.get(explanation.kind, explanation.text)
    if explanation.kind == "not":
        (turned,) = children
        children, joined = turned.children, _NOT_JOINED.get(turned.kind, explanation.text)
    if depth == 0 and explanation.kind == "all" and children:
        for child in children:
            yield from _clauses(child, depth=0)
        return
    yield Clause(
        text=joined if children else explanation.text,
        outcome=explanation.outcome,
        depth=depth,
        seen="" if explanation.seen is None else _text(explanation.seen),
        masked=mask_value(explanation.seen),
        at=explanation.at,
    )
    for child in children:
        yield from _clauses(child, depth=depth + 1)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%d %b %Y, %H:%M}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
