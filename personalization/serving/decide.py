"""Decide what each slot says to each person, once for each message, within the time there is."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce

from django.db import OperationalError

from consent import gate
from consent.permission import Permission
from personalization import engine
from personalization.conditions.tree import NOTHING, Needs
from personalization.offers.desk import CLOSED, Desk, MessageDesk
from personalization.profiles import load
from personalization.profiles.loaded import LoadedProfile
from personalization.receipts import Entry
from personalization.replay import cards_of
from personalization.serving import cards, deadline, kept, nobody, ready, recipients, writing
from personalization.serving.answer import Answer
from personalization.serving.deadline import Budget, DeadlinePassed
from personalization.serving.kept import Key, New, Standing
from personalization.serving.question import Question
from personalization.serving.ready import Ready
from personalization.slots import marks

logger = logging.getLogger(__name__)


class NoSlots(Exception):
    """No slot is set up that could answer anything; says what to do."""


@dataclass(slots=True)
class _Work:
    """One question on its way: what is known so far, by person and slot."""

    question: Question
    now: datetime
    slots: Mapping[str, Ready]
    subjects: list[int | None] = field(default_factory=list)
    answers: dict[Key, Answer] = field(default_factory=dict)
    # Decided just now: said only once their receipts are kept.
    made: dict[Key, Answer] = field(default_factory=dict)
    loaded: set[int | None] = field(default_factory=set)


def decide(question: Question, *, now: datetime, budget: Budget) -> list[list[Answer]]:
    """Answer for each recipient each slot, in the order asked; never an error, never empty.

    Whoever nobody knows, and everybody once the time is over, gets the fallback with its reason.
    """
    slots = ready.live(now=now)
    fallback = ready.default(slots.values())
    if fallback is None:
        raise NoSlots(
            "no send-time slot is live: add one in the admin under Send-time slots, with a ruleset "
            "that has a live version"
        )
    work = _Work(question, now, slots)
    problem = _try(work, budget=budget)
    return [
        [
            _answer_for(place, name, work=work, fallback=fallback, problem=problem)
            for name in question.slots
        ]
        for place in range(len(question.recipients))
    ]


def _try(work: _Work, *, budget: Budget) -> str:
    """Do as much as there is time for; return what kept us from the rest, or nothing."""
    try:
        # What a message showed has to stand after a crash of the database, too; without a
        # message nothing counts as shown.
        with deadline.limited(budget, is_durable=bool(work.question.message)):
            _fill(work, budget=budget)
    except DeadlinePassed:
        return "deadline"
    except OperationalError as error:
        if deadline.is_cancelled(error):
            return "deadline"
        # Only the kind of error: its text may quote a person.
        logger.warning("decisions are not made", extra={"error": type(error).__name__})
        return "unavailable"
    return ""


def _fill(work: _Work, *, budget: Budget) -> None:
    question = work.question
    work.subjects = recipients.find(question.recipients, source=question.source)
    ids = sorted({each for each in work.subjects if each is not None})
    asked = [work.slots[name] for name in dict.fromkeys(question.slots) if name in work.slots]
    if not ids or not asked:
        return
    permissions = {
        purpose: gate.permissions(ids, purpose=purpose, at=work.now)
        for purpose in {slot.purpose for slot in asked}
    }
    standing = kept.standing(
        question.message, slots=[slot.slug for slot in asked], subject_ids=ids, now=work.now
    )
    ended = _take_over(standing, work=work, permissions=permissions)
    budget.check()
    news = _decide_anew(ids, asked, work=work, permissions=permissions, budget=budget)
    if not news:
        return
    lost = kept.keep(news, message=question.message, ended=ended, now=work.now)
    work.answers |= {key: answer for key, answer in work.made.items() if key not in lost}
    cards.remember(part for new in news for part in new.entry.parts)
    if lost:
        _take_those_of_others(lost, work=work, permissions=permissions)


_Permissions = Mapping[str, Mapping[int, Permission]]


def _take_over(
    standing: Mapping[Key, Standing], *, work: _Work, permissions: _Permissions
) -> list[Standing]:
    """Answer by decisions that hold; return those that hold no longer."""
    ended = []
    shown = cards.of(key for found in standing.values() for key in cards_of(found.receipt.decision))
    for key, found in standing.items():
        slot = work.slots[key.slot]
        permission = permissions[slot.purpose][key.subject_id]
        made = writing.from_receipt(
            found,
            slot=slot,
            cards=shown,
            permission=permission,
            explain=work.question.explain,
        )
        if made is None:
            ended.append(found)
        else:
            work.answers[key] = made
    return ended


def _decide_anew(
    ids: Sequence[int],
    asked: Sequence[Ready],
    *,
    work: _Work,
    permissions: _Permissions,
    budget: Budget,
) -> list[New]:
    open_keys = {
        Key(slot.slug, pk) for slot in asked for pk in ids if Key(slot.slug, pk) not in work.answers
    }
    news: list[New] = []
    for purpose, allowed in permissions.items():
        slots = [slot for slot in asked if slot.purpose == purpose]
        people = {key.subject_id for key in open_keys if work.slots[key.slot].purpose == purpose}
        if not people:
            continue
        profiles = load.profiles(
            {pk: allowed[pk] for pk in people},
            needs=reduce(Needs.union, (slot.plan.needs for slot in slots), NOTHING),
            catalogue=slots[0].plan.catalogue,
            now=work.now,
            with_address=False,
        )
        work.loaded.update(profile.subject_id for profile in profiles)
        for slot in slots:
            budget.check()
            wanted = [each for each in profiles if Key(slot.slug, each.subject_id) in open_keys]
            news += _decide_slot(slot, wanted, permissions=allowed, work=work)
    return news


def _decide_slot(
    slot: Ready,
    profiles: Sequence[LoadedProfile],
    *,
    permissions: Mapping[int, Permission],
    work: _Work,
) -> list[New]:
    contents = engine.personalize(
        profiles,
        plan=slot.plan,
        permissions=permissions,
        now=work.now,
        desk=_desk(slot, permissions, work=work),
    )
    news = []
    for profile in profiles:
        content = contents[profile.subject_id]
        if content.problem is None:
            new = _new(slot, profile, content, work=work)
            news.append(new)
    return news


def _desk(slot: Ready, permissions: Mapping[int, Permission], *, work: _Work) -> Desk:
    if not slot.plan.offers:
        return CLOSED
    may_send = {pk for pk, permission in permissions.items() if permission.may_send}
    return MessageDesk(work.question.message, may_send=may_send, now=work.now)


def _new(slot: Ready, profile: LoadedProfile, content: engine.Content, *, work: _Work) -> New:
    """Note a decision and its answer."""
    told = content.decision["slots"][slot.slug]
    decision = {**content.decision, "text": slot.sentences.get(told["rule"] or "", "")}
    decision_id = str(uuid.uuid4())
    expires_at = slot.expires_at(now=work.now, shows_products=bool(content.cards))
    key = Key(slot.slug, profile.subject_id)
    work.made[key] = writing.from_decision(
        decision_id,
        slot=slot,
        decision=decision,
        blocks=content.blocks,
        context=content.context,
        permission=profile.permission,
        expires_at=expires_at,
        explain=work.question.explain,
    )
    entry = Entry(
        message_key=decision_id,
        profile=profile,
        decision=decision,
        properties=slot.plan.properties,
        parts=content.cards,
        reasons=content.reasons,
        output=marks(content.blocks),
        extras={"offers": content.offers} if content.offers else {},
        cart=content.cart,
    )
    return New(key=key, entry=entry, expires_at=expires_at)


def _take_those_of_others(lost: set[Key], *, work: _Work, permissions: _Permissions) -> None:
    """Another request for the same message was faster: what it decided is what is shown."""
    standing = kept.standing(
        work.question.message,
        slots={key.slot for key in lost},
        subject_ids={key.subject_id for key in lost},
        now=work.now,
    )
    _take_over(
        {key: found for key, found in standing.items() if key in lost},
        work=work,
        permissions=permissions,
    )


def _answer_for(place: int, name: str, *, work: _Work, fallback: Ready, problem: str) -> Answer:
    subject = work.subjects[place] if work.subjects else None
    found = work.answers.get(Key(name, subject)) if subject is not None else None
    if found is not None:
        return found
    slot = work.slots.get(name)
    if slot is None:
        reason = "unknown_slot"
    elif problem:
        reason = problem
    else:
        reason = "not_rendered" if subject in work.loaded else "unknown_person"
    return nobody.answer_for(
        name,
        slot or fallback,
        recipient=work.question.recipients[place],
        message=work.question.message,
        reason=reason,
        now=work.now,
    )
