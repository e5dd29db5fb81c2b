"""Show a settable share of people something else that fits them, and say with what probability.

Without it nobody could tell afterwards how the content that rules never choose would have done.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b

from personalization.conditions.facts import Facts
from personalization.rules.evaluate import CompiledRuleSet, Decision, fallback
from personalization.rules.ruleset import Outcome, Rule

_BYTES = 8
_SCALE = float(2 ** (8 * _BYTES))


def point(pseudonym: str, *, ruleset: str, version: int) -> float:
    """Return a stable place of one person in [0, 1) for one version of a ruleset."""
    raw = f"{ruleset}|{version}|{pseudonym}".encode()
    return int.from_bytes(blake2b(raw, digest_size=_BYTES).digest(), "big") / _SCALE


def explored(
    compiled: CompiledRuleSet, decision: Decision, facts: Facts, now: datetime, *, at: float
) -> Decision:
    """Return the decision, or below the share another that fits; each with its probability.

    What fits are the outcomes of all rules that hold, and the fallback. Offers are never tried
    out: they are reserved before. Under `collect` everything that fits is shown anyway.
    """
    share = compiled.definition.exploration
    if not share or compiled.definition.hit_policy == "collect":
        return decision
    others = list(_others(compiled, decision, facts, now))
    if not others:
        return decision
    count = len(others) + 1
    place = int(at / share * count) if at < share else 0
    if place == 0:
        return replace(decision, probability=round(1 - share + share / count, 6))
    return replace(others[place - 1], probability=round(share / count, 6), is_explored=True)


def _others(
    compiled: CompiledRuleSet, decision: Decision, facts: Facts, now: datetime
) -> Iterator[Decision]:
    seen = {_content(decision.outcome)}
    for line in compiled.lines:
        rule = line.rule
        new = not rule.outcome.get("offer") and _content(rule.outcome) not in seen
        if new and rule.is_active(now) and line.holds(facts, now):
            seen.add(_content(rule.outcome))
            yield _of_rule(rule, decision)
    last = fallback(compiled)
    if _content(last.outcome) not in seen:
        yield replace(last, considered=decision.considered)


def _of_rule(rule: Rule, decision: Decision) -> Decision:
    return replace(
        decision,
        rule_key=rule.key,
        rule_name=rule.name,
        outcome=rule.outcome,
        is_fallback=False,
        hits=(rule,),
    )


def _content(outcome: Outcome) -> tuple[str, str, str]:
    return str(outcome.get("block")), str(outcome.get("variant")), str(outcome.get("strategy"))
