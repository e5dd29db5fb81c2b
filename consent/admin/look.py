"""Small pieces of markup that lists share: chips, two-line cells, bars."""

from datetime import datetime
from typing import Literal

from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

Tone = Literal["good", "info", "warn", "bad", "quiet", "accent"]


def chip(text: object, *, tone: Tone = "quiet", title: str = "") -> SafeString:
    """Return a coloured label, as the state of something."""
    return format_html('<span class="at-chip at-{}" title="{}">{}</span>', tone, title, text)


def chips(*parts: SafeString) -> SafeString:
    """Put chips side by side."""
    filled = [part for part in parts if part]
    markup = format_html("{}" * len(filled), *filled) if filled else ""
    return format_html('<span class="at-chips">{}</span>', markup)


def two_lines(first: object, second: object) -> SafeString:
    """Return a name with a quieter line below it."""
    return format_html(
        '<span class="at-two"><strong>{}</strong><small>{}</small></span>', first, second
    )


def quiet(text: object) -> SafeString:
    return format_html('<span class="at-quiet">{}</span>', text)


def figure(value: float | None, *, unit: str = "", digits: int = 0) -> SafeString:
    """Return a number in columns that line up; a dash where there is none."""
    if value is None:
        return quiet("–")
    number = formats.number_format(round(value, digits), digits, force_grouping=True)
    return format_html('<span class="at-figure">{}{}</span>', number, f" {unit}" if unit else "")


def bar(percent: int | None, *, text: str) -> SafeString:
    """Return a progress bar with its words beside it; `None` is progress without a known end."""
    return format_html(
        '<span class="at-progress"><progress max="100"{}></progress><small>{}</small></span>',
        format_html(' value="{}"', percent) if percent is not None else "",
        text,
    )


def when(at: datetime | None) -> SafeString:
    """Return a day and a time; the full moment stands in the title."""
    if at is None:
        return quiet("never")
    local = timezone.localtime(at)
    return format_html(
        '<time class="at-when" datetime="{}" title="{}">{}</time>',
        local.isoformat(),
        local.strftime("%Y-%m-%d %H:%M:%S %Z"),
        local.strftime("%d %b %Y, %H:%M"),
    )
