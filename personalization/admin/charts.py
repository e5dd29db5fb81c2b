"""Small charts drawn on the server: bars of a list, and the columns of a source's days."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from personalization.quality.tallies import Day, Lag, Tally

_WIDTH, _GAP, _HEIGHT = 6, 2, 26
# Outcome, in words, colour of its part of a column.
PARTS = (
    ("stored", "stored", "at-part-stored"),
    ("repeated", "repeats", "at-part-repeated"),
    ("refused", "not kept for want of consent", "at-part-refused"),
    ("quarantined", "in quarantine", "at-part-quarantined"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A day of a chart: what its title says, and its parts in percent of the highest day."""

    day: Day
    title: str
    parts: list[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of a list of counts; `percent` is of the longest."""

    words: str
    count: int
    percent: float


def sparkline(counts: Sequence[int], *, words: str) -> SafeString:
    """Return bars of equal width, the last day at the right; `words` says it to who hears it."""
    highest = max(counts, default=0)
    bars = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}" rx="1"/>',
        (_rect(place, count, highest=highest) for place, count in enumerate(counts)),
    )
    width = len(counts) * (_WIDTH + _GAP) - _GAP
    return format_html(
        '<svg class="at-spark" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" '
        'aria-label="{2}"><title>{2}</title>{3}</svg>',
        width,
        _HEIGHT,
        words,
        bars,
    )


def columns(tally: Tally) -> list[Column]:
    """Return the days of a source, each with its parts from the bottom up."""
    highest = max((day.arrived for day in tally.days), default=0) or 1
    return [
        Column(
            day,
            title=_title(day),
            parts=[
                (colour, 100 * getattr(day, outcome) / highest)
                for outcome, _, colour in PARTS
                if getattr(day, outcome)
            ],
        )
        for day in tally.days
    ]


def bars(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    longest = max((count for _, count in counts), default=0) or 1
    return [Bar(words, count, 100 * count / longest) for words, count in counts]


def lag_words(seconds: float | None) -> str:
    """Say how late at most, in the largest unit that is whole."""
    if seconds is None:
        return "–"
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds == float("inf"):
            return "more than a day"
        if seconds >= size:
            number = round(seconds / size)
            return f"≤ {number} {unit}{'' if number == 1 else 's'}"
    return f"≤ {seconds:.0f} s"


def lags(found: Sequence[Lag]) -> list[Bar]:
    return bars([(lag_words(lag.upto_seconds), lag.count) for lag in found])


def _rect(place: int, count: int, *, highest: int) -> tuple[int, float, int, float]:
    """A day without events keeps a hairline, so that the row of days can be read."""
    height = max(round(_HEIGHT * count / highest, 1), 2.0) if count else 1.0
    return place * (_WIDTH + _GAP), round(_HEIGHT - height, 1), _WIDTH, height


def _title(day: Day) -> str:
    parts = [f"{getattr(day, name):,} {words}" for name, words, _ in PARTS if getattr(day, name)]
    return f"{day.day:%a %d %b %Y}: {', '.join(parts) or 'nothing'}"
