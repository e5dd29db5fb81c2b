"""The traits that marketers defined themselves, as variables of content."""

from personalization.content.variables import BLOCK_VARIABLES
from personalization.models import Field

# What a made-up reader has of each type.
_EXAMPLES: dict[str, object] = {
    Field.Type.TEXT: "example",
    Field.Type.NUMBER: 3,
    Field.Type.DATE: "2027-01-15T09:30:00Z",
    Field.Type.BOOLEAN: True,
}


def variables() -> dict[str, str]:
    """Return them with a word of help each (one query); a sensitive one is never among them."""
    return {field.path: _help(field) for field in _defined()}


def block_variables() -> dict[str, str]:
    """Return all that a content block sees."""
    return {**variables(), **BLOCK_VARIABLES}


def examples() -> dict[str, object]:
    """Return a value for each, for previews by a made-up reader (one query)."""
    return {field.name: _EXAMPLES[field.type] for field in _defined()}


def _defined() -> list[Field]:
    fields = Field.objects.filter(
        kind=Field.Kind.TRAIT, is_sensitive=False, is_personal=False, type__in=_EXAMPLES
    )
    return list(fields.exclude(definition={}))


def _help(field: Field) -> str:
    label = f"{field.label[:1].lower()}{field.label[1:]}"
    return f"{label}, in {field.unit}" if field.unit else label
