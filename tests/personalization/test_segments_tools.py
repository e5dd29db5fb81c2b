"""Lists, overlap, segments made of others, differences, and the commands that say why."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from consent.models import AuditEntry, DataSubject
from personalization.merging import merge as merges
from personalization.models import Field, ListEntry, Segment
from personalization.profiles import people as profiles
from personalization.segments import (
    difference,
    explaining,
    history,
    lists,
    overlap,
    publish,
    upkeep,
    waiting,
)
from tests.campaigns.factories import people, person
from tests.consent.people import NOON
from tests.personalization.factories import FRENCH, GERMANS, segment

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def address(number: int) -> str:
    return f"anna{number}@example.com"


def members(slug: str) -> set[int]:
    return set(Segment.objects.get(slug=slug).memberships.values_list("profile_id", flat=True))


def test_a_list_holds_who_was_put_on_it_and_rejects_lines_that_name_nobody() -> None:
    anna, ben = person(1), person(2)
    friends = lists.create(slug="friends", name="Friends")
    lines = lists.lines_of(f"email\r\n{address(1).upper()}\n\nnobody@example.org\nno-such-number")

    taken = lists.add(friends, lines, actor=None, now=NOON)
    upkeep.catch_up(now=NOON)

    assert members("friends") == {anna.pk}
    assert (taken.changed, taken.known) == (1, 0)
    assert [each.line for each in taken.rejected] == [4, 5]
    assert "nobody" not in str(AuditEntry.objects.latest("pk").detail)
    assert lists.add(friends, lines, actor=None, now=NOON).known == 1
    assert Segment.objects.usable().filter(slug="friends").exists()

    merges.merge(ben.pk, anna.pk, reason="manual", source="test", actor=None, now=NOON)
    upkeep.catch_up(now=NOON)
    assert members("friends") == {ben.pk}
    assert ListEntry.objects.get().subject_id == anna.pk

    lists.remove(friends, [address(2)], actor=None)
    upkeep.catch_up(now=NOON)
    assert members("friends") == set()


def test_nobody_is_put_into_a_segment_with_a_condition() -> None:
    person(1)
    with pytest.raises(lists.NotAList, match="fills itself"):
        lists.add(segment("germans"), [address(1)], actor=None, now=NOON)


def test_overlap_counts_what_segments_share() -> None:
    person(1)
    person(2)
    person(3, country="FR")
    first = segment("germans")
    everybody = segment("everybody", tree={"all": []})
    segment("french", tree=FRENCH)
    upkeep.catch_up(now=NOON)
    first.refresh_from_db()

    found = overlap.overlaps(first)

    assert [(each.segment.slug, each.shared, round(each.of_both)) for each in found] == [
        ("everybody", 2, 67),
        ("french", 0, 0),
    ]
    everybody.refresh_from_db()
    assert overlap.overlaps(everybody)[0].of_own == pytest.approx(200 / 3)


@pytest.mark.parametrize(("way", "expected"), [("both", {1}), ("either", {1, 2, 3}), ("only", {2})])
def test_segments_made_of_others(way: overlap.Way, expected: set[int]) -> None:
    some = {number: person(number) for number in (1, 2, 3, 4)}
    for slug, chosen in (("a", (1, 2)), ("b", (1, 3))):
        made = lists.create(slug=slug, name=slug)
        lists.add(made, [address(number) for number in chosen], actor=None, now=NOON)
    segment("made", tree=overlap.combined(way, own="a", others=["b"]))
    upkeep.catch_up(now=NOON)

    assert members("made") == {some[number].pk for number in expected}


def test_a_draft_says_who_would_enter_and_leave() -> None:
    anna, ben = person(1), person(2, country="FR")
    made = segment("germans")
    upkeep.catch_up(now=NOON)

    found = difference.difference(made, tree=FRENCH, now=NOON)

    assert (found.size, found.entering, found.leaving) == (1, 1, 1)
    assert (found.sample_entering, found.sample_leaving) == ([ben.pk], [anna.pk])
    assert members("germans") == {anna.pk}


def test_who_was_in_at_a_time() -> None:
    anna = person(1)
    made = segment("germans")
    upkeep.catch_up(now=NOON)
    publish.publisher.publish(made, content={"tree": FRENCH}, now=NOON)
    upkeep.catch_up(now=NOON + DAY)

    assert history.was_in(made, at=NOON - DAY) == {}
    assert history.was_in(made, at=NOON) == {anna.pk: NOON}
    assert history.was_in(made, at=NOON + DAY) == {}
    assert history.moved_since(made, at=NOON) == (0, 1)
    assert history.moved_since(made, at=NOON - DAY) == (0, 0)
    assert history.size_at(made, at=NOON) == 1
    moved = history.lately(made, count=5)
    assert [(each.kind, each.profile_id) for each in moved] == [
        ("left", anna.pk), ("entered", anna.pk)
    ]  # fmt: skip
    days = history.days(made, count=4, today=(NOON + 2 * DAY).date())
    assert [(day.size, day.entered, day.left) for day in days] == [(1, 1, 0), (0, 0, 1), (0, 0, 0)]


def test_old_stays_are_forgotten() -> None:
    person(1)
    made = segment("germans")
    upkeep.catch_up(now=NOON)
    publish.publisher.publish(made, content={"tree": FRENCH}, now=NOON)
    upkeep.catch_up(now=NOON)

    assert history.forget_old(now=NOON + 729 * DAY) == 0
    assert history.forget_old(now=NOON + 731 * DAY) == 1
    assert not made.past.exists()


def run(*args: str) -> str:
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def test_a_sample_is_the_same_in_both_evaluators_and_stays() -> None:
    some = people(60)
    segment("sample", tree={"field": "sample.b", "op": "lt", "value": 30})
    upkeep.catch_up(now=NOON)
    by_sql = members("sample")
    assert 5 <= len(by_sql) <= 35

    made = Segment.objects.get(slug="sample")
    made.memberships.all().delete()
    waiting.touch([each.pk for each in some], cause="profile")
    upkeep.catch_up(now=NOON)

    assert members("sample") == by_sql


def test_segment_count_says_what_each_condition_keeps() -> None:
    people(3)
    person(9, country="FR")
    tree = {"all": [GERMANS, {"field": "sample.a", "op": "gte", "value": 0}]}
    segment("germans", tree=tree)
    upkeep.catch_up(now=NOON)

    found = json.loads(run("segment_count", "germans", "--json"))

    assert found["count"] == found["members"] == 3
    assert [(each["alone"], each["left"]) for each in found["conditions"]] == [(3, 3), (4, 3)]
    assert "3 customers" in run("segment_count", "germans")


def test_segment_count_refuses_a_broken_one() -> None:
    segment("germans")
    Field.objects.filter(name="country").delete()

    with pytest.raises(CommandError, match="is broken"):
        run("segment_count", "germans")


def test_explain_says_why_somebody_is_in() -> None:
    anna = person(1)
    segment("germans")
    segment("french", tree=FRENCH)
    upkeep.catch_up(now=NOON)
    assert profiles.find(address(1)) == [anna.pk]

    told = run("explain", address(1), "--segment", "germans")
    found: dict[str, Any] = json.loads(run("explain", address(1), "--segment", "french", "--json"))

    assert told.startswith("In “Segment germans”.")
    assert "yes" in told
    assert "The condition changed" in told
    assert (found["is_member"], found["conditions"]["outcome"]) == (False, "false")
    with pytest.raises(CommandError, match="Nobody has"):
        run("explain", "nobody@example.org", "--segment", "germans")


def test_explain_masks_what_it_saw_and_says_since_when_it_is_so() -> None:
    anna = person(1)
    anna.profile.origins = {"attributes.country": {"source": "shop", "at": "2025-02-03T10:00:00Z"}}
    anna.profile.save()
    segment("germans")
    upkeep.catch_up(now=NOON)

    told = run("explain", address(1), "--segment", "germans")
    masked: dict[str, Any] = json.loads(
        run("explain", address(1), "--segment", "germans", "--json")
    )

    assert "(seen: D***, of 2025-02-03 10:00)" in told
    assert masked["conditions"]["seen"] == "D***"
    assert not AuditEntry.objects.filter(action="personal_data.view").exists()
    assert "seen: DE," in run("explain", address(1), "--segment", "germans", "--values")
    assert AuditEntry.objects.get(action="personal_data.view").detail["subject"] == anna.pk


def test_the_command_and_the_builder_say_the_same_of_a_segment_made_of_others() -> None:
    anna = person(1)
    segment("germans")
    outer = segment("others", tree={"all": [{"segment": "germans"}, {"not": FRENCH}]})
    upkeep.catch_up(now=NOON)

    assert outer.live is not None
    of_segment = explaining.of_person(outer, anna.pk, now=NOON)
    of_tree = explaining.trace(outer.live.content["tree"], subject_id=anna.pk, now=NOON)

    assert of_tree is not None
    assert of_segment.is_member
    assert of_segment.explanation == of_tree.parts[0]
    assert [each.outcome for each in of_tree.parts] == ["true"] * 3 + ["false"]

    DataSubject.objects.filter(pk=anna.pk).update(email_index=None)
    assert explaining.of_person(outer, anna.pk, now=NOON) == of_segment
    assert explaining.trace(outer.live.content["tree"], subject_id=anna.pk, now=NOON) is None
