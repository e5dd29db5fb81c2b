"""Say a condition tree as one English sentence that a marketer would say."""

from personalization.conditions.fields import PRODUCT_FIELDS, Catalogue
from personalization.conditions.nodes import (
    AT_LEAST_ONCE,
    Absence,
    AllOf,
    AnyOf,
    Compare,
    EventMatch,
    Happened,
    InSegment,
    Node,
    Not,
    Sequence,
    Step,
)
from personalization.conditions.wording import (
    count_phrase,
    done,
    duration,
    figure,
    happened_phrase,
    listing,
    value_phrase,
)

_NOWHERE = Catalogue(fields={}, events={})


def describe(node: Node, *, catalogue: Catalogue = _NOWHERE) -> str:
    """The whole tree as a sentence, with the catalogue's labels where it knows them."""
    if node == AllOf(()):
        return "All customers."
    return f"Customers {_Describer(catalogue).clause(node, is_top=True)}."


def describe_part(node: Node, *, catalogue: Catalogue = _NOWHERE) -> str:
    """One node as a clause, such as `who are in the segment “vip”`."""
    return _Describer(catalogue).clause(node, is_top=True)


def describe_step(step: Step | Absence, *, catalogue: Catalogue = _NOWHERE) -> str:
    """One step of a sequence, such as `then not completed an order in the 24 hours …`."""
    return f"then {_Describer(catalogue).step(step)}"


class _Describer:
    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def clause(self, node: Node, *, is_top: bool = False) -> str:
        match node:
            case AllOf(children=()):
                return "who are anybody"
            case AllOf(children=children) | AnyOf(children=children):
                parts = [self.clause(child, is_top=len(children) == 1) for child in children]
                text = _clauses(parts, word="and" if isinstance(node, AllOf) else "or")
                return text if is_top or len(parts) == 1 else _bracketed(node, text)
            case Not(child=child):
                return self.negated(child)
            case Compare():
                return f"whose {self.comparison(node)}"
            case InSegment(slug=slug):
                return f"who are in the segment “{self.segment(slug)}”"
            case Happened():
                return self.happened(node)
            case Sequence():
                return self.sequence(node)

    def negated(self, node: Node) -> str:
        match node:
            case InSegment(slug=slug):
                return f"who are not in the segment “{self.segment(slug)}”"
            case Compare(op="is_set" | "is_not_set", field=path):
                ending = "is not known" if node.op == "is_set" else "is known"
                return f"whose {self.label(path)} {ending}"
            case Compare():
                # Not “is not”: without data the negation is true, too.
                return f"of whom it is not known that their {self.comparison(node)}"
            case Happened(measure=measure, match=match) if measure == AT_LEAST_ONCE:
                return f"who have not {self.event(match)}{_window(node)}"
            case Not(child=child):
                return self.clause(child)
            case _:
                return f"except those {self.clause(node, is_top=True)}"

    def comparison(self, node: Compare) -> str:
        spec = self.catalogue.fields.get(node.field)
        unit = spec.unit if spec is not None and spec.unit not in self.label(node.field) else ""
        return f"{self.label(node.field)} {value_phrase(node.op, node.value, unit=unit)}"

    def segment(self, slug: str) -> str:
        return self.catalogue.segment_names.get(slug, slug)

    def label(self, path: str) -> str:
        spec = self.catalogue.fields.get(path) or PRODUCT_FIELDS.get(path)
        label = spec.label if spec is not None else path.rpartition(".")[2].replace("_", " ")
        label = figure(label) if spec is not None and spec.type == "number" else label
        # “Country” reads as “country” in a sentence; “VAT number” stays.
        return label if label[1:2].isupper() else label[:1].lower() + label[1:]

    def happened(self, node: Happened) -> str:
        measure, event = node.measure, self.event(node.match)
        match measure.kind:
            case "count":
                times = count_phrase(measure.op, measure.value)
                return f"who have {event}{times}{_window(node)}"
            case "first" | "last":
                at = happened_phrase(measure.op, measure.value)
                return f"who have {event} for the {measure.kind} time {at}{_window(node)}"
            case "sum" | "avg":
                name = (measure.property or "").replace("_", " ")
                what = f"{name}, added up" if measure.kind == "sum" else f"average {name},"
                compared = value_phrase(measure.op, measure.value)
                have = "" if event.partition(" ")[0].endswith("ed") else "have "
                return f"whose {what} over every time they {have}{event}{_window(node)}, {compared}"

    def event(self, match: EventMatch) -> str:
        machines = " (opens and clicks of machines included)" if match.include_machine else ""
        if match.where is None:
            return done(match.name) + machines
        return f"{done(match.name)} where {self.property_clause(match.where)}{machines}"

    def property_clause(self, node: Node) -> str:
        match node:
            case AllOf(children=children) | AnyOf(children=children):
                word = "and" if isinstance(node, AllOf) else "or"
                text = listing([self.property_clause(child) for child in children], word=word)
                return f"({text})" if len(children) > 1 else text or "anything"
            case Not(child=child):
                return f"not {self.property_clause(child)}"
            case Compare():
                return self.comparison(node)
            case _:
                raise TypeError(f"{type(node).__name__} cannot stand in a where")

    def sequence(self, node: Sequence) -> str:
        steps = ", then ".join(self.step(step) for step in node.steps)
        window = f", all in the last {duration(node.within)}" if node.within is not None else ""
        return f"who have {steps}{window}"

    def step(self, step: Step | Absence) -> str:
        if isinstance(step, Absence):
            after = f"in the {duration(step.duration)} that followed"
            return f"not {self.event(step.match)} {after}"
        within = f" within {duration(step.within)}" if step.within is not None else ""
        return f"{self.event(step.match)}{within}"


def _clauses(parts: list[str], *, word: str) -> str:
    """Clauses hold commas of their own, so the last of three or more gets one, too."""
    return listing(parts, word=f"{',' if len(parts) > 2 else ''} {word}".strip())


def _bracketed(node: AllOf | AnyOf, text: str) -> str:
    is_plain = not any(isinstance(child, AllOf | AnyOf) for child in node.children)
    return f"either {text}" if isinstance(node, AnyOf) and is_plain else f"({text})"


def _window(node: Happened) -> str:
    return f" in the last {duration(node.within)}" if node.within is not None else ""
