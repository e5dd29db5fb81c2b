"""Save drafts, put versions live, roll back, compare: the same for all that decides."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Max

from consent import audit
from personalization.models import Version, Versioned

Content = dict[str, Any]
V = TypeVar("V", bound=Version)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a content, and where: a path into it, or a line and column of a text."""

    message: str
    path: str = ""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = self.path
        if self.line is not None:
            place = f"{place} line {self.line}, column {self.column or 1}".strip()
        return f"{place}: {self.message}" if place else self.message


class ContentInvalid(Exception):
    """A content that cannot be saved; every problem says where it is and how to mend it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class ApprovalNeeded(Exception):
    """What would go live is not what somebody entitled looked at and approved."""


class NotInReview(Exception):
    """A version is not in the state in which it could be submitted or sent back."""


@dataclass(frozen=True, slots=True)
class Change:
    path: str
    before: object
    after: object


def _fits_always(thing: Versioned, content: Content) -> None:
    """Accept; what most kinds of things need."""


@dataclass(frozen=True, slots=True)
class Publisher(Generic[V]):
    """The life of the versions of one kind of thing.

    `prepare` checks a content and returns it complete (an MJML source gains its HTML), or raises
    ContentInvalid; what it refuses can be neither saved nor put live. `fits` refuses in the same
    way what is wrong in this thing only, as a segment that would contain itself. `ready` refuses
    only to go live, or to be submitted for it, as where something used is itself a draft.
    """

    versions: type[V]
    prepare: Callable[[Content], Content]
    fits: Callable[[Versioned, Content], None] = _fits_always
    ready: Callable[[Versioned, Content], None] = _fits_always

    @transaction.atomic
    def save_draft(
        self,
        thing: Versioned,
        *,
        content: Content,
        author: AbstractBaseUser | None = None,
        note: str = "",
    ) -> V:
        """Check a content and keep it as the thing's one open draft."""
        ready = self.prepare(content)
        self.fits(thing, ready)
        self._lock(thing)
        draft: V | None = self._all(thing).filter(published_at=None).first()
        if draft is None:
            highest = self._all(thing).aggregate(highest=Max("number"))["highest"] or 0
            draft = self.versions(of=thing, number=highest + 1)
        draft.content, draft.author_id, draft.note = ready, author.pk if author else None, note
        draft.state = Version.State.DRAFT
        draft.save()
        return draft

    @transaction.atomic
    def submit(self, version: V, *, actor: AbstractBaseUser | None = None) -> V:
        """Ask for the review of a draft; saving it again makes it a draft anew."""
        thing = self._thing(version)
        self._lock(thing)
        self._refuse_unseen(version, thing=thing)
        self._check_ready(thing, version.content)
        self._move(version, Version.State.DRAFT, Version.State.REVIEW)
        audit.note("version.submit", actor=actor, target=version, detail={"number": version.number})
        return version

    def _check_ready(self, thing: Versioned, content: Content) -> None:
        prepared = self.prepare(content)
        self.fits(thing, prepared)
        self.ready(thing, prepared)

    @transaction.atomic
    def send_back(self, version: V, *, comment: str, actor: AbstractBaseUser) -> V:
        """Give a version in review back to its author, with what is to be mended."""
        self._lock(self._thing(version))
        self._move(
            version, Version.State.REVIEW, Version.State.DRAFT, comment=comment, reviewer=actor
        )
        audit.note(
            "version.send_back", actor=actor, target=version, detail={"number": version.number}
        )
        return version

    @transaction.atomic
    def put_live(self, version: V, *, now: datetime, approver: AbstractBaseUser | None = None) -> V:
        """Make a draft, or an earlier version again, the one that decides from now on.

        What was live once was approved then: going back to it needs no second pair of eyes.
        """
        thing = self._thing(version)
        self._lock(thing)
        self._refuse_unseen(version, thing=thing)
        is_back = version.published_at is not None
        if not is_back:
            self._refuse_own_work(version, approver=approver)
        self._check_ready(thing, version.content)
        self._all(thing).filter(state=Version.State.LIVE).update(state=Version.State.RETIRED)
        version.state, version.published_at = Version.State.LIVE, version.published_at or now
        version.approver_id = approver.pk if approver else None
        version.save(update_fields=["state", "published_at", "approver"])
        self._things(thing).filter(pk=thing.pk).update(live=version)
        action = "version.rollback" if is_back else "version.live"
        audit.note(action, actor=approver, target=version, detail={"number": version.number})
        return version

    def publish(
        self,
        thing: Versioned,
        *,
        content: Content,
        now: datetime,
        author: AbstractBaseUser | None = None,
    ) -> V:
        """Save and put live in one step, as an import or the demo does."""
        draft = self.save_draft(thing, content=content, author=author)
        return self.put_live(draft, now=now)

    def _move(
        self,
        version: V,
        before: str,
        after: str,
        *,
        comment: str = "",
        reviewer: AbstractBaseUser | None = None,
    ) -> None:
        moved = self._all(self._thing(version)).filter(
            pk=version.pk, state=before, published_at=None
        )
        reviewer_id = reviewer.pk if reviewer else None
        if not moved.update(state=after, review_comment=comment, reviewer=reviewer_id):
            raise NotInReview(
                f"Version {version.number} is not {Version.State(before).label.lower()} any more: "
                "look at it again."
            )
        version.state, version.review_comment, version.reviewer_id = after, comment, reviewer_id

    def _refuse_own_work(self, version: V, *, approver: AbstractBaseUser | None) -> None:
        if settings.ATTUNE_FOUR_EYES and approver is not None and approver.pk == version.author_id:
            raise ApprovalNeeded(
                f"Version {version.number} is your own: ask another approver to put it live."
            )

    def _refuse_unseen(self, version: V, *, thing: Versioned) -> None:
        """Refuse a draft that was saved again since it was read: nobody looked at that one."""
        now = self._all(thing).get(pk=version.pk)
        seen = json.loads(json.dumps(version.content))
        if (now.content, now.author_id) != (seen, version.author_id):
            raise ApprovalNeeded(
                f"Version {version.number} was changed meanwhile: look at it again, then approve."
            )
        version.published_at = now.published_at

    def _lock(self, thing: Versioned) -> None:
        """Let one at a time number, save and put live the versions of a thing."""
        self._things(thing).select_for_update().get(pk=thing.pk)

    # The abstract models lack `of` and `live`, which every concrete one has.

    def _all(self, thing: Versioned) -> Any:
        return self.versions._default_manager.filter(of=thing)

    def _things(self, thing: Versioned) -> Any:
        return type(thing)._default_manager

    def _thing(self, version: Any) -> Versioned:
        thing: Versioned = version.of
        return thing


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return what differs between two contents, leaf by leaf; missing sides are None."""
    return list(_diff("", before, after))


def _diff(path: str, before: object, after: object) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(k for k in after if k not in before)]:
            yield from _diff(f"{path}.{key}".lstrip("."), before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        for i in range(max(len(before), len(after))):
            old, new = before[i : i + 1], after[i : i + 1]
            yield from _diff(f"{path}[{i}]", old[0] if old else None, new[0] if new else None)
    # Yes and 1 are equal to Python, but not to a reader.
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield Change(path=path, before=before, after=after)
