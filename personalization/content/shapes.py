"""What a template may reach: the tree behind a list of allowed variable names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

_ANY_NAME = "*"
_SIZED = frozenset({"size", "first", "last"})


@dataclass(slots=True)
class Shape:
    """A value with known fields, or a list with a known item, or a plain value with neither."""

    fields: dict[str, Self] = field(default_factory=dict)
    item: Self | None = None
    is_open: bool = False

    @property
    def is_group(self) -> bool:
        return bool(self.fields)


ANYTHING = Shape(is_open=True)
LEAF = Shape()


def tree(names: Mapping[str, str]) -> Shape:
    """Build the tree from names such as `customer.city`, `products[].url`, `blocks.*.html`."""
    root = Shape()
    for name in names:
        node = root
        for part in name.split("."):
            node = node.fields.setdefault(part.removesuffix("[]"), Shape())
            if part.endswith("[]"):
                node.item = node.item or Shape()
                node = node.item
    return root


def reach(shape: Shape, path: Sequence[object]) -> Shape | None:
    """Follow a path; None when it names something that cannot exist."""
    for step in path:
        if shape.is_open:
            return ANYTHING
        found = _step(shape, step)
        if found is None:
            return None
        shape = found
    return shape


def names_in(shape: Shape, *, prefix: str = "") -> Iterator[str]:
    """Every concrete name below a shape, for suggestions."""
    for name, child in shape.fields.items():
        full = f"{prefix}.{name}" if prefix else name
        yield full
        yield from names_in(child, prefix=full)


def _step(shape: Shape, step: object) -> Shape | None:
    if not isinstance(step, str | int):
        return ANYTHING  # the name is computed when the mail is rendered
    if shape.item is not None and (isinstance(step, int) or step in {"first", "last"}):
        return shape.item
    if isinstance(step, str) and step in shape.fields:
        return shape.fields[step]
    if step == "size" and (shape.item is not None or not shape.is_group):
        return LEAF
    if isinstance(step, str) and step not in _SIZED:
        return shape.fields.get(_ANY_NAME)
    return None
