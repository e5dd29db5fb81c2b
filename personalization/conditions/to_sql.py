"""Compile a condition tree into one boolean SQL expression over the whole audience.

The expression speaks of `p`, a row of personalization_customerprofile. It is true or false,
never null, and means exactly what `to_python` means for the same person. Every value is a
parameter; a column is only ever reached through the catalogue.

What people did is asked for as a set (`p.subject_id IN (SELECT profile_id …)`): the database
reads the events once for everybody instead of once for each person. Negations are driven inwards
first, so that what remains is sets to be in, sets not to be in, and fields of the row itself.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from personalization.conditions import sampling
from personalization.conditions.errors import TreeError
from personalization.conditions.fields import Catalogue, validate
from personalization.conditions.nodes import (
    AllOf,
    AnyOf,
    Compare,
    Happened,
    InSegment,
    Node,
    Not,
)
from personalization.conditions.nodes import Sequence as Steps
from personalization.conditions.sql_comparing import (
    SqlCondition,
    compare,
    connected,
    joined,
    parameter,
)
from personalization.conditions.sql_documents import Held, compare_property
from personalization.conditions.sql_events import EventSet, EventSets
from personalization.conditions.sql_people import Among
from personalization.conditions.walking import walk

__all__ = ["Permitted", "SqlCondition", "to_sql"]


class Permitted(Protocol):
    """SQL (with its parameters) for "the subject p.subject_id has granted this purpose".

    `also` is a condition without parameters of its own that has to hold as well. It stands inside,
    so that the negation of both can be planned as a join.
    """

    def __call__(self, purpose: str, /, *, also: str = ...) -> tuple[str, list[object]]: ...


_DOCUMENTS = {"attributes": "p.attributes", "traits": "p.traits"}
_MEMBERS = (
    "SELECT m.profile_id AS id FROM personalization_segmentmembership m WHERE m.segment_id ="
    " (SELECT s.id FROM personalization_segment s WHERE s.slug = "
)
_PEOPLE = "SELECT p.subject_id AS id FROM personalization_customerprofile p WHERE "


def to_sql(
    node: Node,
    *,
    catalogue: Catalogue,
    now: datetime,
    permitted: Permitted,
    among: Sequence[int] | Among | None = None,
) -> SqlCondition:
    """The expression and its parameters, or a TreeError if the catalogue does not know the tree.

    With `among` it is right for these people only, and looks at nobody else's events: for a batch
    or a sample, that the caller selects by the same ids.
    """
    for fault in validate(node, catalogue):
        raise fault
    for path, event, inner in walk(node):
        if event is None and isinstance(inner, Compare) and not _is_stored(inner.field):
            raise TreeError(
                path, f"{inner.field} is known only at the moment of sending; use it in a rule, "
                "not where a whole audience is selected"
            )  # fmt: skip
    some = among if among is None or isinstance(among, Among) else Among(list(among))
    compiler = _Compiler(catalogue=catalogue, now=now, permitted=permitted, among=some)
    return compiler.part(node, is_wanted=True, granted=frozenset())


def _is_stored(path: str) -> bool:
    return path.partition(".")[0] in _DOCUMENTS or sampling.is_draw(path)


class _Compiler:
    """Each node is compiled as wanted or as not wanted.

    `granted` are purposes that the place of the node already takes for granted: a purpose that
    all parts of a group need is asked about once, not by each of them.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        now: datetime,
        permitted: Permitted,
        among: Among | None,
    ) -> None:
        self.catalogue = catalogue
        self.now = now
        self.permitted = permitted
        self.among = among
        self.events = EventSets(
            now=now, among=among, purpose_of=self.purpose_of, who_allows=self.who_allows
        )

    def purpose_of(self, event: str) -> str | None:
        return self.catalogue.events[event].purpose

    def part(self, node: Node, *, is_wanted: bool, granted: frozenset[str]) -> SqlCondition:
        more = self.implied(node, is_wanted=is_wanted) - granted
        body = self.body(node, is_wanted=is_wanted, granted=granted | more)
        return connected("AND", [body, *self.all_allowed(more)], empty="true")

    def implied(self, node: Node, *, is_wanted: bool) -> frozenset[str]:
        """The purposes without which the node cannot come out as wanted."""
        match node:
            case Not(child=child):
                return self.implied(child, is_wanted=not is_wanted)
            case AllOf(children=children) | AnyOf(children=children):
                parts = [self.implied(child, is_wanted=is_wanted) for child in children]
                if isinstance(node, AllOf) == is_wanted:
                    return frozenset[str]().union(*parts)
                return frozenset.intersection(*parts) if parts else frozenset()
            case Compare(field=path, op=op):
                purpose = self.catalogue.fields[path].purpose
                needs = (op != "is_not_set") == is_wanted
                return frozenset({purpose}) if purpose is not None and needs else frozenset()
            case InSegment():
                return frozenset()
            case Happened() | Steps():
                found = self.events.of(node)
                return found.purposes if found.is_inside == is_wanted else frozenset()

    def body(self, node: Node, *, is_wanted: bool, granted: frozenset[str]) -> SqlCondition:
        match node:
            case Not(child=child):
                return self.body(child, is_wanted=not is_wanted, granted=granted)
            case AllOf(children=children) | AnyOf(children=children):
                if isinstance(node, AllOf) == is_wanted:
                    parts = [
                        self.part(child, is_wanted=is_wanted, granted=granted) for child in children
                    ]
                    return connected("AND", parts, empty="true")
                return self.some(children, is_wanted=is_wanted, granted=granted)
            case Compare():
                return self.field(node, is_wanted=is_wanted, granted=granted)
            case InSegment(slug=slug):
                return self.in_segment(slug, is_wanted=is_wanted)
            case Happened() | Steps():
                found = self.events.of(node)
                is_inside = found.is_inside == is_wanted
                ids = found.ids if is_inside else self.permitted_ids(found, granted=granted)
                return self.member(ids, is_wanted=is_inside)

    def some(
        self, children: Sequence[Node], *, is_wanted: bool, granted: frozenset[str]
    ) -> SqlCondition:
        """At least one of them: sets are united, because an OR between them is slow."""
        plain = [child for child in children if _is_plain(child)]
        sets = [child for child in children if not _is_plain(child)]
        fields = connected(
            "OR",
            [self.part(child, is_wanted=is_wanted, granted=granted) for child in plain],
            empty="false",
        )
        if not sets:
            return fields
        parts = [self.part(child, is_wanted=is_wanted, granted=granted) for child in sets]
        if len(parts) == 1 and not plain:
            return parts[0]
        branches = [*([fields] if plain else []), *parts]
        united = [
            joined(" UNION ALL " if number else "", _PEOPLE, self.within(), branch)
            for number, branch in enumerate(branches)
        ]
        return self.member(joined(*united), is_wanted=True)

    def within(self) -> SqlCondition:
        if self.among is None:
            return SqlCondition("")
        return joined(self.among.people("p.subject_id"), " AND ")

    def member(self, ids: SqlCondition, *, is_wanted: bool) -> SqlCondition:
        if is_wanted:
            return joined("(p.subject_id IN (", ids, "))")
        if self.among is not None:
            return joined("(p.subject_id NOT IN (", ids, "))")
        # For a whole audience: NOT IN cannot be planned as a join, NOT EXISTS can.
        return joined(
            "(NOT EXISTS (SELECT 1 FROM (", ids, ") AS others WHERE others.id = p.subject_id))"
        )

    def in_segment(self, slug: str, *, is_wanted: bool) -> SqlCondition:
        if self.among is None:
            return self.member(joined(_MEMBERS, parameter(slug), ")"), is_wanted=is_wanted)
        # Of some people each is looked up: a segment may hold everybody.
        found = joined(
            "(EXISTS (", _MEMBERS, parameter(slug), ") AND m.profile_id = p.subject_id))"
        )
        return found if is_wanted else joined("(NOT ", found, ")")

    def who_allows(self, purpose: str) -> SqlCondition:
        return joined(_PEOPLE, self.within(), self.allowed(purpose))

    def permitted_ids(self, found: EventSet, *, granted: frozenset[str]) -> SqlCondition:
        """The set without those whose events must not be known: for them it never happened."""
        allowed = self.all_allowed(found.purposes - granted)
        if not allowed:
            return found.ids
        inside = self.member(found.ids, is_wanted=True)
        return joined(_PEOPLE, self.within(), connected("AND", [inside, *allowed], empty="true"))

    def field(self, node: Compare, *, is_wanted: bool, granted: frozenset[str]) -> SqlCondition:
        """Without its purpose a field is absent: nothing holds of it but `is_not_set`."""
        purpose = self.catalogue.fields[node.field].purpose
        condition = self.compared(node)
        if purpose is None or purpose in granted:
            return condition if is_wanted else joined("(NOT ", condition, ")")
        # It is absent, or known and as wanted: not known and otherwise.
        other = joined("(NOT ", condition, ")") if is_wanted else condition
        sql, params = self.permitted(purpose, also=other.sql)
        return SqlCondition(f"(NOT {sql})", (*params, *other.params))

    def compared(self, node: Compare) -> SqlCondition:
        if sampling.is_draw(node.field):
            seen = SqlCondition(sampling.draw_sql(node.field))
            return compare(node.op, node.value, seen=seen, now=self.now)
        document, _, name = node.field.partition(".")
        held = Held(_DOCUMENTS[document], name)
        return compare_property(node.op, node.value, held=held, now=self.now)

    def all_allowed(self, purposes: frozenset[str]) -> list[SqlCondition]:
        return [self.allowed(purpose) for purpose in sorted(purposes)]

    def allowed(self, purpose: str) -> SqlCondition:
        sql, params = self.permitted(purpose)
        return SqlCondition(f"({sql})", tuple(params))


def _is_plain(node: Node) -> bool:
    return all(not isinstance(inner, Happened | Steps | InSegment) for _, _, inner in walk(node))
