"""Versions: drafts change, what has been live stays, one is live, and what is wrong is refused."""

from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from campaigns.models import Template, TemplateVersion
from campaigns.rendering import publish as templates
from consent.models import AuditEntry
from personalization import versions
from personalization.content import blocks
from personalization.models import (
    ContentBlock,
    ContentBlockVersion,
    RuleSet,
    RuleSetVersion,
    Segment,
    SegmentVersion,
)
from personalization.rules import publish as rules
from personalization.segments import publish as segments
from personalization.versions import ApprovalNeeded, Change, ContentInvalid, diff
from tests.campaigns.factories import TEMPLATE
from tests.consent.people import NOON, at_once

pytestmark = pytest.mark.django_db
concurrent = pytest.mark.django_db(transaction=True, serialized_rollback=True)

IN_GERMANY = {"tree": {"field": "attributes.country", "op": "eq", "value": "DE"}}
IN_FRANCE = {"tree": {"field": "attributes.country", "op": "eq", "value": "FR"}}
HERO = {
    "variants": [{"key": "a", "name": "A", "html": "<p>A</p>", "text": "A"}],
    "fallback": "a",
}


def segment(slug: str = "germans") -> Segment:
    return Segment.objects.create(slug=slug, name=slug)


def draft(thing: Segment, content: dict[str, Any] = IN_GERMANY, **given: Any) -> SegmentVersion:
    return segments.publisher.save_draft(thing, content=content, **given)


def put_live(version: SegmentVersion, **given: Any) -> SegmentVersion:
    return segments.publisher.put_live(version, now=NOON, **given)


def problems_of(publisher: versions.Publisher[Any], thing: Any, content: Any) -> list[str]:
    with pytest.raises(ContentInvalid) as refused:
        publisher.save_draft(thing, content=content)
    assert not publisher.versions._default_manager.filter(of=thing).exists()
    assert str(refused.value)
    return [str(problem) for problem in refused.value.problems]


def test_a_draft_changes_until_it_is_live_and_then_a_new_one_begins() -> None:
    thing = segment()

    first = draft(thing)
    again = draft(thing, IN_FRANCE, note="wrong country")
    assert (again.pk, again.number, again.state) == (first.pk, 1, "draft")
    put_live(again)
    second = draft(thing)

    thing.refresh_from_db()
    assert (second.number, second.state, second.published_at) == (2, "draft", None)
    assert thing.live is not None
    assert (thing.live.number, thing.live.content, thing.live.note) == (
        1, IN_FRANCE, "wrong country",
    )  # fmt: skip
    assert AuditEntry.objects.get(action="version.live").detail == {"number": 1}


def test_exactly_one_version_is_live_and_going_back_keeps_when_it_was_first_live() -> None:
    thing = segment()
    first = put_live(draft(thing))
    second = segments.publisher.put_live(draft(thing, IN_FRANCE), now=NOON.replace(hour=15))

    again = SegmentVersion.objects.get(pk=first.pk)
    segments.publisher.put_live(again, now=NOON.replace(hour=18))

    thing.refresh_from_db()
    assert thing.live == first
    assert dict(SegmentVersion.objects.values_list("number", "state")) == {1: "live", 2: "retired"}
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.published_at, second.published_at) == (NOON, NOON.replace(hour=15))


def one_of_each_that_was_live() -> list[Any]:
    put_live(draft(segment()))
    block = ContentBlock.objects.create(slug="hero", name="Hero")
    blocks.publisher.publish(block, content=HERO, now=NOON)
    ruleset = RuleSet.objects.create(slug="rules", name="Rules")
    content = {"hit_policy": "first", "rules": [], "fallback": {"block": "hero", "variant": "a"}}
    rules.publisher.publish(ruleset, content=content, now=NOON)
    template = Template.objects.create(slug="t", name="T")
    templates.publisher.publish(template, content=dict(TEMPLATE), now=NOON)
    return [SegmentVersion, ContentBlockVersion, RuleSetVersion, TemplateVersion]


@pytest.mark.parametrize("change", ["content = '{}'", "number = 9", "published_at = NULL"])
def test_what_has_been_live_cannot_be_changed_by_anybody(change: str) -> None:
    for table in one_of_each_that_was_live():
        before = table.objects.values().get()

        def spoil(name: str = table._meta.db_table) -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"UPDATE {name} SET {change}")

        with pytest.raises(IntegrityError, match="was live and stays as it is"):
            spoil()

        assert table.objects.values().get() == before


def test_what_has_been_live_cannot_be_deleted_even_with_its_thing() -> None:
    for table in one_of_each_that_was_live():
        thing = table.objects.get().of

        def delete(name: str = table._meta.db_table) -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {name}")

        with pytest.raises(IntegrityError, match="was live"):
            delete()
        with pytest.raises(IntegrityError), transaction.atomic():
            thing.delete()

        assert table.objects.count() == 1


def test_a_draft_can_be_thrown_away() -> None:
    version = draft(segment())

    version.delete()

    assert not SegmentVersion.objects.exists()


def test_four_eyes_keep_an_author_from_putting_own_work_live(settings: Settings) -> None:
    settings.ATTUNE_FOUR_EYES = True
    author, other = User.objects.create_user("author"), User.objects.create_user("other")
    version = draft(segment(), author=author)

    with pytest.raises(ApprovalNeeded, match="your own"):
        put_live(version, approver=author)
    version.refresh_from_db()
    assert (version.state, version.published_at) == ("draft", None)

    put_live(version, approver=other)

    version.refresh_from_db()
    assert (version.state, version.author_id, version.approver_id) == ("live", author.pk, other.pk)


def test_without_four_eyes_an_author_may(settings: Settings) -> None:
    settings.ATTUNE_FOUR_EYES = False
    author = User.objects.create_user("author")

    assert put_live(draft(segment(), author=author), approver=author).state == "live"


def test_what_was_changed_after_it_was_looked_at_does_not_go_live() -> None:
    thing, author = segment(), User.objects.create_user("author")
    seen = draft(thing)
    draft(thing, IN_FRANCE, author=author)

    with pytest.raises(ApprovalNeeded, match="changed meanwhile"):
        put_live(seen)

    thing.refresh_from_db()
    assert thing.live is None
    assert SegmentVersion.objects.get().content == IN_FRANCE


def test_a_refused_content_leaves_the_open_draft_as_it_was() -> None:
    thing = segment()
    draft(thing)

    with pytest.raises(ContentInvalid):
        draft(thing, {"tree": {"field": "attributes.shoe", "op": "is_set"}})

    assert SegmentVersion.objects.get().content == IN_GERMANY


def test_a_live_version_that_no_longer_holds_cannot_be_put_live_again() -> None:
    thing = segment()
    put_live(draft(segment("inner"), IN_GERMANY))
    first = put_live(draft(thing, {"tree": {"segment": "inner"}}))
    put_live(draft(thing, IN_FRANCE))
    Segment.objects.filter(slug="inner").update(slug="renamed")

    with pytest.raises(ContentInvalid, match="inner"):
        put_live(SegmentVersion.objects.get(pk=first.pk))

    thing.refresh_from_db()
    assert thing.live is not None
    assert thing.live.content == IN_FRANCE


@concurrent
def test_two_who_save_at_once_make_one_draft() -> None:
    thing = segment()

    numbers = at_once(*(partial(draft, thing, each) for each in (IN_GERMANY, IN_FRANCE) * 3))

    assert [version.number for version in numbers] == [1] * 6
    assert SegmentVersion.objects.count() == 1


@concurrent
def test_two_who_put_live_at_once_leave_one_live() -> None:
    thing = segment()
    retired = [put_live(draft(thing, each)) for each in (IN_GERMANY, IN_FRANCE, IN_GERMANY)]

    at_once(*(partial(put_live, SegmentVersion.objects.get(pk=each.pk)) for each in retired[:2]))

    live = SegmentVersion.objects.get(state="live")
    thing.refresh_from_db()
    assert thing.live == live
    assert live.number in (1, 2)


def test_the_difference_is_told_leaf_by_leaf() -> None:
    before = {"a": 1, "b": {"c": [1, 2, {"d": "x"}], "gone": True}, "same": [None]}
    after = {"a": 2, "b": {"c": [1, 3, {"d": "y"}, 4]}, "same": [None], "flag": 1}

    assert diff(before, after) == [
        Change("a", 1, 2),
        Change("b.c[1]", 2, 3),
        Change("b.c[2].d", "x", "y"),
        Change("b.c[3]", None, 4),
        Change("b.gone", True, None),
        Change("flag", None, 1),
    ]
    assert diff(before, before) == []


def test_yes_and_one_are_a_difference() -> None:
    assert diff({"a": True}, {"a": 1}) == [Change("a", True, 1)]


def test_a_block_without_a_fallback_is_refused() -> None:
    block = ContentBlock.objects.create(slug="hero", name="Hero")

    for fallback in ("", None, "b"):
        (problem,) = problems_of(blocks.publisher, block, {**HERO, "fallback": fallback})
        assert problem.startswith("fallback: choose the variant")


@pytest.mark.parametrize(
    ("html", "place"),
    [
        ("<p>\n  {{ customer.first_name </p>", "variants[0].html line 2, column"),
        ("<p>\n\n{{ custmer.first_name }}</p>", "variants[0].html line 3, column"),
        ("{% if traits.order_count > 1 %}x", "variants[0].html line 1, column"),
        ("{% include 'x' %}", "variants[0].html line 1, column"),
        ("{{ settings.SECRET_KEY }}", "variants[0].html line 1, column"),
    ],
)
def test_a_block_that_cannot_be_rendered_is_refused_with_line_and_column(
    html: str, place: str
) -> None:
    block = ContentBlock.objects.create(slug="hero", name="Hero")
    content = {**HERO, "variants": [{"key": "a", "name": "A", "html": html, "text": "A"}]}

    problems = problems_of(blocks.publisher, block, content)

    assert problems[0].startswith(place)


@pytest.mark.parametrize(
    ("part", "source", "place"),
    [
        ("subject", "Hi {{ customer.first_name", "subject line 1, column"),
        ("text", "one\n{{ nobody.knows }}\n{{ unsubscribe_url }}", "text line 2, column"),
        ("mjml", "<mjml><mj-body>\n<mj-oops></mj-body></mjml>", "mjml line 2"),
    ],
)
def test_a_template_that_cannot_be_rendered_is_refused_with_line_and_column(
    part: str, source: str, place: str
) -> None:
    template = Template.objects.create(slug="t", name="T")

    problems = problems_of(templates.publisher, template, {**TEMPLATE, part: source})

    assert any(problem.startswith(place) for problem in problems), problems


RULE = {
    "key": "r1", "name": "Rule", "priority": 1,
    "condition": {"field": "attributes.country", "op": "eq", "value": "DE"},
    "outcome": {"block": "hero", "variant": "a"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "fallback", "problem"),
    [
        ({}, {"block": "nope", "variant": "a"}, "fallback.block: there is no live content block"),
        ({}, {"block": "hero", "variant": "z"}, "fallback.variant: block “hero” has no variant"),
        (
            {"outcome": {"block": "draft", "variant": "a"}}, {},
            "rules[0].outcome.block: there is no live content block “draft”",
        ),
        (
            {"outcome": {"block": "hero", "variant": "b"}}, {},
            "rules[0].outcome.variant: block “hero” has no variant “b”; it has: a",
        ),
        (
            {"outcome": {"block": "hero", "variant": "a", "strategy": "magic"}}, {},
            "rules[0].outcome.strategy: there is no strategy",
        ),
        (
            {"condition": {"all": [{"field": "attributes.countri", "op": "is_set"}]}}, {},
            "rules[0].condition.all[0]: there is no field “attributes.countri”; did you mean",
        ),
    ],
)  # fmt: skip
def test_a_ruleset_that_names_what_is_not_there_is_refused_with_the_path(
    rule: dict[str, Any], fallback: dict[str, Any], problem: str
) -> None:
    hero = ContentBlock.objects.create(slug="hero", name="Hero")
    blocks.publisher.publish(hero, content=HERO, now=NOON)
    unfinished = ContentBlock.objects.create(slug="draft", name="Draft")
    blocks.publisher.save_draft(unfinished, content=HERO)
    ruleset = RuleSet.objects.create(slug="rules", name="Rules")
    content = {
        "hit_policy": "first",
        "rules": [{**RULE, **rule}],
        "fallback": fallback or {"block": "hero", "variant": "a"},
    }

    problems = problems_of(rules.publisher, ruleset, content)

    assert problems[0].startswith(problem)


def test_a_ruleset_without_a_fallback_is_refused() -> None:
    ruleset = RuleSet.objects.create(slug="rules", name="Rules")

    problems = problems_of(rules.publisher, ruleset, {"hit_policy": "first", "rules": []})

    assert "fallback" in problems[0]


def test_a_segment_that_would_contain_itself_is_refused_over_any_chain() -> None:
    inner, middle, outer = segment("inner"), segment("middle"), segment("outer")
    put_live(draft(inner))
    put_live(draft(middle, {"tree": {"not": {"segment": "inner"}}}))
    put_live(draft(outer, {"tree": {"any": [{"segment": "middle"}, IN_FRANCE["tree"]]}}))

    with pytest.raises(ContentInvalid, match="inner → outer → middle → inner"):
        draft(inner, {"tree": {"all": [IN_GERMANY["tree"], {"segment": "outer"}]}})
    (problem,) = problems_of(segments.publisher, segment("own"), {"tree": {"segment": "own"}})

    assert problem == "tree: this segment would contain itself: own → own; leave one of them out"


def test_two_drafts_that_close_a_circle_cannot_both_go_live() -> None:
    here, there = segment("here"), segment("there")
    put_live(draft(there, IN_FRANCE))
    first = draft(here, {"tree": {"segment": "there"}})
    second = draft(there, {"tree": {"segment": "here"}})
    put_live(first)

    with pytest.raises(ContentInvalid, match="there → here → there"):
        put_live(second)

    there.refresh_from_db()
    assert there.live is not None
    assert there.live.content == IN_FRANCE
