"""Find in a template, before anyone gets it, what would go wrong: with line and column."""

from collections.abc import Mapping

from liquid import Node
from liquid.builtin.expressions import Path
from liquid.builtin.expressions.filtered import FilteredExpression
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.expression import Expression

from personalization.content.liquid import (
    Compiled,
    Kind,
    Problem,
    TemplateProblem,
    compile_template,
    position,
)
from personalization.content.liquid_runtime import PlainContext
from personalization.content.shapes import ANYTHING, LEAF, Shape, names_in, reach, tree
from personalization.content.suggestions import nearest, unknown_name

_KEEPS_LIST = frozenset({"where", "reject", "sort", "sort_natural", "reverse", "uniq", "compact"})
_TAKES_ITEM = frozenset({"first", "last", "find"})


def check(source: str, *, kind: Kind, allowed: Mapping[str, str]) -> list[Problem]:
    """Syntax, tags, filters, and every variable that is not among the allowed names.

    `allowed` maps names to descriptions: `customer.city`, `recommendations[].url`,
    `blocks.*.html`. Loop variables, assigned and captured names are followed.
    """
    try:
        compiled = compile_template(source, kind=kind)
    except TemplateProblem as problem:
        return list(problem.problems)
    return _Visit(compiled, tree(allowed)).problems_found()


def printed_always(source: str, *, kind: Kind) -> set[str]:
    """Variables printed as they are, outside of any condition or loop: sure to be seen."""
    found = set()
    for node in compile_template(source, kind=kind).template.nodes:
        expression = node.expression if isinstance(node, OutputNode) else None
        if isinstance(expression, FilteredExpression) and not expression.filters:
            found.add(str(expression.left))
    return found


class _Visit:
    """One walk through a parse tree with the names known at each place."""

    def __init__(self, compiled: Compiled, allowed: Shape) -> None:
        self.compiled = compiled
        self.scopes: list[dict[str, Shape]] = [dict(allowed.fields)]
        self.context = PlainContext(compiled.template, data={})
        self.problems: list[Problem] = []

    def problems_found(self) -> list[Problem]:
        for node in self.compiled.template.nodes:
            self._node(node)
        return self.problems

    def _node(self, node: Node) -> None:
        for expression in node.expressions():
            self._expression(expression)
        if isinstance(node, OutputNode):
            self._printed(node)
        self._remember_assigned(node)
        self.scopes.append(self._block_scope(node))
        for child in node.children(self.context):
            self._node(child)
        self.scopes.pop()

    def _expression(self, expression: Expression) -> None:
        if isinstance(expression, Path) and self._shape_of(expression) is None:
            self._report(expression, self._unknown(expression))
        for child in expression.children():
            self._expression(child)

    def _unknown(self, path: Path) -> str:
        """Look for a similar name in the group that was named rightly, then everywhere."""
        parent = Path(path.token, path.path[:-1])
        shape = self._shape_of(parent) if parent.path else None
        if shape is not None and shape.is_group:
            meant = nearest(str(path.path[-1]), shape.fields)
            proposal = f"; did you mean `{parent}.{meant}`?" if meant else ""
            return f"unknown variable `{path}`{proposal}"
        known = [name for scope in self.scopes for name in names_in(Shape(fields=scope))]
        names = [name for name in known if not str(path).startswith(f"{name}.")]
        return unknown_name("variable", str(path), names)

    def _printed(self, node: OutputNode) -> None:
        expression = node.expression
        if not isinstance(expression, FilteredExpression) or expression.filters:
            return
        shape = self._shape_of(expression.left)
        if shape is None or not (shape.is_group or shape.item):
            return
        inner = shape.item or shape
        example = next(names_in(inner), "name").split(".")[0]
        what = "a list: write it with a `for` loop" if shape.item else "a group: print one field"
        self._report(expression.left, f"`{expression.left}` is {what}, such as `.{example}`")

    def _remember_assigned(self, node: Node) -> None:
        for name in node.template_scope():
            shape = LEAF
            if isinstance(node, AssignNode):
                shape = self._shape_of_filtered(node.expression) or ANYTHING
            known = self.scopes[0].get(name)
            # Two assignments of different make: either may be the one that holds.
            self.scopes[0][str(name)] = shape if known in (None, shape) else ANYTHING

    def _block_scope(self, node: Node) -> dict[str, Shape]:
        scope = {str(name): ANYTHING for name in node.block_scope()}
        if isinstance(node, ForNode):
            looped = self._shape_of(node.expression.iterable)
            scope[str(node.expression.identifier)] = (looped and looped.item) or ANYTHING
        return scope

    def _shape_of(self, expression: Expression) -> Shape | None:
        if not isinstance(expression, Path):
            return ANYTHING
        for scope in reversed(self.scopes):
            if expression.path[0] in scope:
                return reach(scope[str(expression.path[0])], expression.path[1:])
        return None

    def _shape_of_filtered(self, expression: Expression) -> Shape | None:
        if not isinstance(expression, FilteredExpression):
            return ANYTHING
        shape = self._shape_of(expression.left)
        for used in expression.filters or ():
            if shape is not None and used.name in _TAKES_ITEM:
                shape = shape.item
            elif used.name not in _KEEPS_LIST:
                return ANYTHING
        return shape

    def _report(self, expression: Expression, message: str) -> None:
        line, column = position(self.compiled.source, expression.token.start_index)
        self.problems.append(Problem(message, line, column))
