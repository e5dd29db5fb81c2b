"""Find the way by which a segment contains another one, over any number of others."""

from collections import deque
from collections.abc import Callable, Iterable

Inner = Callable[[str], Iterable[str]]


def way(start: str, *, to: str, inner: Inner) -> list[str]:
    """Return the shortest way from one segment to another, both included, or nothing.

    `inner` names the segments a segment asks for; of each it is asked once.
    """
    before = {start: start}
    waiting = deque([start])
    while waiting:
        at = waiting.popleft()
        if at == to:
            return _back(at, start=start, before=before)
        for other in sorted(inner(at)):
            if other not in before:
                before[other] = at
                waiting.append(other)
    return []


def circle(slug: str, *, inner: Inner) -> list[str]:
    """Return the shortest way by which a segment would contain itself, or nothing."""
    found = [way(other, to=slug, inner=inner) for other in sorted(inner(slug))]
    return [slug, *min(filter(None, found), key=len)] if any(found) else []


def circle_within(slug: str, *, inner: Inner) -> list[str]:
    """Return a circle among a segment and all that it is made of, or nothing."""
    seen, waiting = {slug}, deque([slug])
    while waiting:
        at = waiting.popleft()
        if found := circle(at, inner=inner):
            return found
        fresh = [other for other in sorted(inner(at)) if other not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return []


def _back(at: str, *, start: str, before: dict[str, str]) -> list[str]:
    found = [at]
    while found[-1] != start:
        found.append(before[found[-1]])
    return found[::-1]
