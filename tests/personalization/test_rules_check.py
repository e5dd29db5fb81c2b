"""What an editor hears while rules are changed: faults, findings, whom each rule reaches."""

from datetime import timedelta
from typing import Any

import pytest

from consent import gate, ledger
from consent.models import DataSubject
from personalization.conditions.tree import needs, parse
from personalization.models import CustomerProfile, Segment
from personalization.profiles import catalogue, load
from personalization.rules.check import check
from personalization.rules.evaluate import compile_ruleset, evaluate, parse_ruleset
from personalization.rules.reach import reach
from personalization.segments import health, lists
from tests.campaigns.factories import NOON, person
from tests.personalization.factories import FRENCH, GERMANS, block, rule, segment, table
from tests.personalization.offer_support import offer

pytestmark = pytest.mark.django_db
BELGIANS = {"field": "attributes.country", "op": "eq", "value": "BE"}


def crowd() -> None:
    for number, country in enumerate(("DE", "DE", "DE", "FR", "FR", "NL")):
        person(number, country=country)


def reached(content: Any) -> tuple[dict[str, int], int]:
    found = reach(parse_ruleset(content), now=NOON)
    assert found is not None
    return {key: each.value for key, each in found.rules.items()}, found.fallback.value


def test_each_rule_says_whom_it_decides_for() -> None:
    crowd()
    anybody: dict[str, Any] = {"any": [GERMANS, FRENCH]}
    content = table(rule("a", condition=FRENCH), rule("b", condition=anybody, place=2))

    assert reached(content) == ({"a": 2, "b": 3}, 1)
    assert reached(content | {"hit_policy": "collect"}) == ({"a": 2, "b": 5}, 1)


def test_by_value_the_rule_of_most_value_has_the_people() -> None:
    crowd()
    low, high = rule("low", condition={"all": []}), rule("high", condition=FRENCH, place=2)
    low["outcome"] |= {"value": 1}
    high["outcome"] |= {"value": 2}

    assert reached(table(low, high) | {"hit_policy": "highest_value"}) == ({"high": 2, "low": 4}, 0)


def test_a_rule_that_is_off_or_over_reaches_nobody() -> None:
    crowd()
    off = rule("off") | {"is_enabled": False}
    over = rule("over", place=2) | {"active_until": NOON.isoformat()}
    later = rule("later", place=3) | {"active_from": (NOON + timedelta(hours=1)).isoformat()}

    assert reached(table(off, over, later)) == ({}, 6)


def test_counts_are_those_of_the_engine_where_a_purpose_is_withdrawn() -> None:
    crowd()
    ben = person(9)
    CustomerProfile.objects.filter(pk__in=[ben.pk, ben.pk - 1]).update(traits={"order_count": 3})
    fans = {"field": "traits.order_count", "op": "gte", "value": 2}
    content = table(rule("a", condition=fans))
    compiled = compile_ruleset(parse_ruleset(content))
    ledger.withdraw(ben, purpose="profiling", source="test", at=NOON)
    ids = list(DataSubject.objects.values_list("pk", flat=True))
    profiles = load.profiles(
        gate.permissions(ids, purpose="email_marketing", at=NOON),
        needs=needs(parse(fans)),
        catalogue=catalogue.load(),
        now=NOON,
    )

    decided = [evaluate(compiled, profile.facts, NOON).rule_key for profile in profiles]

    assert decided.count("a") == 1
    assert len(decided) == 7
    assert reached(content) == ({"a": decided.count("a")}, decided.count(None))


def test_findings_stand_at_their_rules_with_a_way_to_mend_them() -> None:
    block()
    crowd()
    content = table(rule("a"), rule("b", place=2), rule("c", condition=BELGIANS, place=3))

    found = check(content, now=NOON)

    assert found.problems == ()
    shadowed = next(each for each in found.remarks if each.kind == "shadowed")
    assert shadowed.keys == ("b", "a")
    assert "Move it above" in shadowed.mend
    assert found.reach is not None
    assert found.reach.rules["c"].value == 0


def test_a_missing_block_does_not_keep_the_rest_from_being_said() -> None:
    crowd()

    found = check(table(rule("a"), rule("b", place=2)), now=NOON)

    assert "rules[0].outcome.block" in {problem.path for problem in found.problems}
    assert {"shadowed", "gap"} <= {each.kind for each in found.remarks}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"hit_policy": "first", "rules": [{"key": "a"}], "fallback": {"block": "hero"}},
        table(rule("a", condition={"field": "attributes.nothing", "op": "eq", "value": 1})),
    ],
)
def test_what_cannot_be_read_says_where(content: dict[str, Any]) -> None:
    found = check(content, now=NOON)

    assert found.problems
    assert found.reach is None


def test_a_segment_that_is_not_live_or_contains_itself_is_named_at_its_rule() -> None:
    block()
    segment("inner")
    outer = segment("outer", tree={"segment": "inner"})
    inner = Segment.objects.get(slug="inner")
    Segment.objects.create(slug="idle", name="Not live yet")
    # As two people could bring about who put both live at the same moment.
    Segment.objects.filter(pk=inner.pk).update(live=outer.live)
    content = table(
        rule("a", condition={"segment": "inner"}), rule("b", condition={"segment": "idle"}, place=2)
    )

    found = check(content, now=NOON)
    remarks = {each.kind: each for each in found.remarks}
    assert found.problems == ()

    assert remarks["segment_cycle"].keys == ("a",)
    assert "inner → inner" in remarks["segment_cycle"].text
    assert remarks["segment_not_live"].keys == ("b",)


def test_a_list_can_be_asked_for_and_a_broken_segment_reaches_nobody() -> None:
    block()
    crowd()
    lists.create(slug="guests", name="Guests")
    broken = segment("germans")
    content = table(
        rule("a", condition={"segment": "guests"}),
        rule("b", condition={"not": {"segment": "germans"}}, place=2),
    )
    assert "segment_not_live" not in {each.kind for each in check(content, now=NOON).remarks}

    health.break_down(broken.pk, version_id=broken.live_id, message="no field", now=NOON)

    found = check(content, now=NOON)
    (remark,) = (each for each in found.remarks if each.kind == "segment_not_live")
    assert remark.keys == ("b",)
    assert "“Segment germans” is broken (no field)" in remark.text
    assert found.reach is not None
    assert ({*found.reach.rules}, found.reach.fallback.value) == ({"a"}, 6)


def test_outcomes_are_checked_down_to_offer_and_parameters() -> None:
    block()
    offer("spring")
    lines = [
        rule("a"),
        rule("b", condition=FRENCH, place=2),
        rule("c", condition=BELGIANS, place=3),
    ]
    lines[0]["outcome"] |= {"offer": "spring"}
    lines[1]["outcome"] |= {"offer": "gone", "strategy": "popular", "parameters": {"limit": 0}}
    lines[2]["outcome"] |= {"ofer": "spring"}
    content = table(*lines)
    content["fallback"] = content["fallback"] | {"offer": "spring"}

    paths = {problem.path for problem in check(content, now=NOON).problems}

    assert paths == {
        "rules[1].outcome.offer", "rules[1].outcome.parameters.limit", "rules[2].outcome.ofer",
        "fallback.offer",
    }  # fmt: skip
