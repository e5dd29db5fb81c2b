"""The open draft of a versioned thing: what an editor shows, and what saving it does."""

import hashlib
from dataclasses import dataclass
from typing import Any, Generic

import orjson
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from personalization.models import Versioned
from personalization.versions import Content, Publisher, V

MOVED = (
    "Somebody else saved a draft of this meanwhile. Open the page again in a second tab and carry "
    "your change over."
)


class DraftMoved(Exception):
    """Somebody else saved a draft since this one was opened."""


@dataclass(frozen=True, slots=True)
class Open(Generic[V]):
    """What an editor starts from: the open draft, else the live version, else nothing."""

    version: V | None
    is_draft: bool

    @property
    def content(self) -> Content | None:
        return self.version.content if self.version else None

    @property
    def mark(self) -> str:
        """Changes with every save, so that a page opened before shows as outdated."""
        return mark(self.content)


def mark(content: Content | None) -> str:
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def opened(publisher: Publisher[V], thing: Versioned) -> Open[V]:
    """Return what the editor of a thing shows (at most two queries)."""
    versions = _versions(publisher, thing)
    draft = versions.filter(published_at=None).select_related("author", "reviewer").first()
    if draft is not None:
        return Open(version=draft, is_draft=True)
    return Open(version=versions.filter(state="live").first(), is_draft=False)


def history(publisher: Publisher[V], thing: Versioned) -> list[V]:
    """Return all versions, newest first, with who wrote and who approved them (one query)."""
    return list(_versions(publisher, thing).select_related("author", "approver").defer("content"))


def version(publisher: Publisher[V], thing: Versioned, *, number: int) -> V | None:
    found: V | None = _versions(publisher, thing).filter(number=number).first()
    return found


@transaction.atomic
def save(
    publisher: Publisher[V],
    thing: Versioned,
    *,
    content: Content,
    seen: str,
    author: AbstractBaseUser,
    note: str = "",
) -> V | None:
    """Keep a content as the draft if it differs from what was opened.

    An approver who changes nothing leaves the draft its author; four eyes count on that.
    `seen` is the mark of what the editor showed: a newer draft is never overwritten unseen.
    """
    type(thing)._default_manager.select_for_update().get(pk=thing.pk)
    now_open = opened(publisher, thing)
    if now_open.mark == mark(publisher.prepare(content)):
        return now_open.version if now_open.is_draft else None
    if seen != now_open.mark:
        raise DraftMoved(MOVED)
    return publisher.save_draft(thing, content=content, author=author, note=note)


def _versions(publisher: Publisher[V], thing: Versioned) -> Any:
    return publisher.versions._default_manager.filter(of=thing)
