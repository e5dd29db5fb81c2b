"""Compare two versions in words: sentences for conditions, lines for long texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import ndiff
from typing import Any, Literal

from personalization.conditions.describe import describe
from personalization.conditions.fields import Catalogue
from personalization.conditions.tree import parse
from personalization.content import languages
from personalization.rules.wording import (
    HIT_POLICIES,
    PLAINLY,
    Called,
    outcome_in_words,
    told_apart,
)
from personalization.versions import Content, diff

LineKind = Literal["same", "added", "removed"]
_KINDS: Mapping[str, LineKind] = {"  ": "same", "+ ": "added", "- ": "removed"}
# Unchanged lines kept around a change.
AROUND = 2
SHORT = 60


@dataclass(frozen=True, slots=True)
class Line:
    kind: LineKind
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that differs; `lines` instead of two values where the text is long."""

    label: str
    before: str
    after: str
    lines: tuple[Line, ...] = ()

    @property
    def is_short(self) -> bool:
        """Say whether both fit on one line, as the places of a rule that moved."""
        return bool(self.before and self.after) and len(self.before + self.after) <= SHORT


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return what differs between two contents told in words."""
    return [
        _difference(change.path, before=_text(change.before), after=_text(change.after))
        for change in diff(before, after)
    ]


def tell_segment(content: Content, *, catalogue: Catalogue) -> Content:
    return {"Who is in it": sentence(content["tree"], catalogue=catalogue)}


def tell_ruleset(content: Content, *, catalogue: Catalogue, called: Called = PLAINLY) -> Content:
    """Return rules by their key, so that a moved rule shows as moved and not as rewritten."""
    rules = {
        f"Rule “{rule['key']}”": {
            "place": place,
            "name": rule["name"],
            "when": sentence(rule["condition"], catalogue=catalogue),
            "shows": outcome_in_words(rule["outcome"], called=called),
            "active from": rule.get("active_from"),
            "active until": rule.get("active_until"),
            "switched on": rule.get("is_enabled", True),
        }
        for place, rule in enumerate(_in_order(content), start=1)
    }
    return {
        "Which rule decides": HIT_POLICIES[content["hit_policy"]],
        "Try other content on": f"{content.get('exploration', 0):.0%}",
        **rules,
        "Everyone else": outcome_in_words(content["fallback"], called=called),
    }


def rules_by_name(before: Content, after: Content) -> dict[str, str]:
    """Return what to call the rules that `tell_ruleset` knows by their keys."""
    rules = {rule["key"]: rule["name"] for each in (before, after) for rule in _in_order(each)}
    return {f"Rule “{key}”": f"Rule “{name}”" for key, name in told_apart(rules.items()).items()}


def _in_order(content: Content) -> list[dict[str, Any]]:
    """The rules as they are asked, whatever the order they are written in."""
    return sorted(content.get("rules", ()), key=lambda rule: rule["priority"])


def tell_block(content: Content) -> Content:
    """Return variants by their key, and each language of one as a thing of its own."""
    default = content.get("language")
    told: Content = {"Default language": languages.name(default) if default else None}
    for variant in content["variants"]:
        told[f"Variant “{variant['key']}”"] = _texts(variant)
        for each in variant.get("languages", ()):
            name = f"Variant “{variant['key']}” in {languages.name(each['language'])}"
            told[name] = _texts(each)
    return {**told, "Fallback": content["fallback"]}


def _texts(texts: Mapping[str, Any]) -> Content:
    return {"name": texts.get("name"), "HTML": texts["html"], "text": texts["text"]}


def sentence(tree: object, *, catalogue: Catalogue) -> str:
    return describe(parse(tree), catalogue=catalogue)


def _difference(path: str, *, before: str, after: str) -> Difference:
    label = path.replace(".", " › ")
    if "\n" not in before and "\n" not in after:
        return Difference(label=label, before=before, after=after)
    lines = [
        Line(kind=_KINDS[line[:2]], text=line[2:])
        for line in ndiff(before.splitlines(), after.splitlines())
        if line[:2] in _KINDS
    ]
    return Difference(label=label, before=before, after=after, lines=tuple(_near(lines)))


def _near(lines: list[Line]) -> list[Line]:
    changed = [i for i, line in enumerate(lines) if line.kind != "same"]
    near = {j for i in changed for j in range(i - AROUND, i + AROUND + 1)}
    return [line for i, line in enumerate(lines) if i in near]


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case True | False:
            return "yes" if value else "no"
        case dict():
            told = (f"{key}: {_text(inner)}" for key, inner in value.items() if inner is not None)
            return "\n".join(told)
        case list():
            return ", ".join(map(_text, value))
        case _:
            return str(value)
