"""Compiled templates say what the engine says: every construct, and random ones, both ways."""

from decimal import Decimal
from itertools import product
from random import Random

import pytest
from liquid.exceptions import LiquidError
from markupsafe import Markup

from personalization.content.liquid import Compiled, Kind, TemplateProblem, compile_template
from personalization.content.liquid_runtime import OutputBuffer, PlainContext

CONSTRUCTS = [
    "plain {{ a }} text",
    "{% if a == 'x' %}1{% elsif a != b %}2{% else %}3{% endif %}",
    "{% if a != blank %}{{ a }}{% else %}nothing{% endif %}",
    "{% if missing == blank and n > 2 or list.size == 3 %}y{% endif %}",
    "{% if a == empty %}e{% endif %}{% if n == 3 %}three{% endif %}{% if n != a %}other{% endif %}",
    "{% unless 'axb' contains a %}no{% endunless %}",
    "{% for i in list %}{{ forloop.index }}{% unless forloop.last %},{% endunless %}{% endfor %}",
    "{% for i in list limit: 2 reversed %}{{ i }}{% else %}none{% endfor %}",
    "{% for i in missing %}{{ i }}{% else %}none{% endfor %}",
    "{% for i in list %}{% if i == 'b' %}{% continue %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in list %}{% cycle '1', '2' %}{% endfor %}",
    "{% for i in list %}{% if i == 'b' %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in list %}{% for j in list %}{{ forloop.parentloop.index }}{% endfor %}{% endfor %}",
    "{% assign z = a | upcase %}{{ z }}{% capture y %}{{ b }}!{% endcapture %}{{ y }}",
    "{% case a %}{% when 'x' %}is x{% else %}is not{% endcase %}",
    "{{ deep.list[1].name }}{{ deep['list'].first.name }}{{ list.first }}{{ list.size }}",
    "{{ a | default: 'there' | slice: 0 | upcase }}{{ n | plus: 1 }}{{ markup }}",
    "{% for i in list %}{% cycle 'odd', 'even' %}{% cycle 1, true %}{% endfor %}{% cycle 'odd' %}",
    "{% for i in list %}{% cycle 'g': 'x', a %}{% endfor %}",
    "{% for i in (1..3) %}{{ i }}{% endfor %}{% for i in (n..4) %}{{ i }}{% endfor %}{{ (1..2) }}",
    "{% for p in deep %}{{ p[0] }}{{ p.last.size }}{% endfor %}",
    "{% for c in a %}<{{ c }}>{% endfor %}",
    "{% for i in list offset: 1 %}{{ i }}{% endfor %}",
    "{% for i in list limit: n %}{{ i }}{% endfor %}",
    "{% for i in list limit: 2 %}{% endfor %}{% for i in list offset: continue %}{{ i }}{%endfor%}",
    "{% for i in list limit: 0 %}{{ i }}{% endfor %}",
    "{% for i in list %}{{ i }}{% for i in deep.list %}{{ i.name }}{% endfor %}{{ i }}{% endfor %}",
    "{% for forloop in list %}{{ forloop }}{% endfor %}{{ forloop.index }}",
    "{% for i in list %}{% for j in list %}{{ forloop.parentloop.last }}{% endfor %}{% endfor %}",
    "{% for i in list %}{% for j in no %}{% if i %}{% break %}{% endif %}{% endfor %}{% endfor %}",
    "{% for i in list %}{% for j in no %}{% else %}{% break %}{% endfor %}{{ i }}{% endfor %}",
    "{% for i in list %}{% case i %}{% when 'b' %}{% continue %}{% endcase %}{{ i }}{% endfor %}",
    "{% unless a == blank %}{{ a }}{% elsif b == blank %}-{% else %}{{ b }}{% endunless %}",
    "{% if a %}1{% endif %}{% if missing %}2{% endif %}{% if 0 %}3{% endif %}",
    "{% if blank %}4{% endif %}",
    "{% if nil %}1{% endif %}{% if 'x' == a or false %}2{% endif %}",
    "{% if blank == a and b %}3{% endif %}",
    "{% if n > 2 and n >= 3 and n < 4 and n <= 3 %}1{% endif %}{% if n != 3 %}2{% endif %}",
    "{% if a <= n %}1{% endif %}{% if a == b or b and a or n %}2{% endif %}",
    "{% if empty == a %}3{% endif %}",
    "{% if list contains a %}1{% endif %}{% if deep.list.size == 2 %}2{% endif %}",
    "{% if a == nil %}3{% endif %}",
    "{{ a.size }}{{ list[0] }}{{ list[-1] }}{{ list[9] }}{{ a[0] }}{{ deep[a] }}",
    "{{ deep.list.last.name }}",
    "{{ a }}{{ a | upcase }}{{ a }}{{ a | upcase | default: b }}{{ missing | size }}",
    "{{ list | join: b }}",
    "{{ a | default: 'x', allow_false: true }}{{ \"a'b\" | append: '\\n{}' }}{{ 1.5 }}{{ nil }}",
    "{{ true }}{{ blank }}{% comment %}{{ a }}{% endcomment %}{% # a note %}{{ a | plus: b }}",
    "{% assign list = 'q,r' | split: ',' %}{% for i in list %}{{ i }}{% endfor %}{{ list.first }}",
]
VALUES: list[object] = ["", " ", "x", "<b>&", None, 3, 0, True, Decimal("2.50"), []]


def by_engine(compiled: Compiled, data: dict[str, object]) -> str:
    """What the engine's own walk through the tree prints, or its error."""
    context, buffer = PlainContext(compiled.template, data=data), OutputBuffer()
    try:
        for node in compiled.template.nodes:
            node.render(context, buffer)
    except LiquidError as error:
        return f"{type(error).__name__} {error.message} {error.token}"
    return buffer.getvalue()


def by_program(compiled: Compiled, data: dict[str, object]) -> str:
    try:
        return "".join(compiled.program(data))
    except LiquidError as error:
        return f"{type(error).__name__} {error.message} {error.token}"


def data_with(a: object, b: object) -> dict[str, object]:
    deep = {"list": [{"name": "one"}, {"name": "<two>"}]}
    rest = {"n": 3, "list": ["a", "b", "c"], "deep": deep, "markup": Markup("<i>ok</i>")}
    return {"a": a, "b": b, **rest}


@pytest.mark.parametrize("kind", ["html", "text"])
@pytest.mark.parametrize("source", CONSTRUCTS)
def test_the_compiled_program_says_what_the_engine_says(source: str, kind: Kind) -> None:
    compiled = compile_template(source, kind=kind)
    for a, b in product(VALUES, VALUES):
        data = data_with(a, b)

        assert by_program(compiled, data) == by_engine(compiled, data), (a, b)


NAMES = ["a", "b", "n", "list", "missing", "deep.list", "list.size", "i", "i.name", "list.first"]
LITERALS = ["'x'", '"<b>"', "3", "0", "1.5", "true", "nil", "blank", "empty"]
FILTERS = [
    "upcase",
    "default: b",
    "size",
    "append: '<'",
    "slice: 0",
    "first",
    "join: '-'",
    "plus: n",
]
TEXTS = ['<p class="x">', "\n", "{}\\'", "'''", "é\u2028"]


def random_template(random: Random, *, depth: int = 3) -> str:
    """Any nesting of what a template can say, sensible or not."""
    return "".join(random_part(random, depth=depth) for _ in range(random.randint(1, 3)))


def random_part(random: Random, *, depth: int) -> str:
    kind = random.choice(["text", "output", "if", "unless", "for", "assign", "cycle"])
    if depth == 0 or kind == "text":
        return random.choice(TEXTS)
    inner = random_template(random, depth=depth - 1)
    if kind == "output":
        filters = [f" | {name}" for name in random.sample(FILTERS, random.randint(0, 2))]
        return f"{{{{ {random.choice(NAMES + LITERALS)}{''.join(filters)} }}}}"
    if kind in {"if", "unless"}:
        other = random_template(random, depth=depth - 1)
        more = ["", f"{{% elsif {random_test(random)} %}}{other}", f"{{% else %}}{other}"]
        return f"{{% {kind} {random_test(random)} %}}{inner}{random.choice(more)}{{% end{kind} %}}"
    if kind == "for":
        part = random.choice(["", " limit: 2", " reversed", " limit: n"])
        leave = random.choice(["", f"{{% if {random_test(random)} %}}{{% break %}}{{% endif %}}"])
        body = f"{inner}{leave}{random.choice(['', '{{ forloop.index }}'])}"
        return f"{{% for i in {random.choice(NAMES)}{part} %}}{body}{{% else %}}-{{% endfor %}}"
    if kind == "assign" and random.random() < 0.2:
        return f"{{% assign b = {random.choice(NAMES)} %}}"
    return "{% cycle 'one', '<two>', 3 %}{{ b }}"


def random_test(random: Random) -> str:
    sides = [random.choice(NAMES + LITERALS) for _ in range(4)]
    signs = [random.choice(["==", "!=", "<", ">=", "contains"]) for _ in range(2)]
    word = random.choice(["and", "or"])
    return random.choice(
        [
            sides[0],
            f"{sides[0]} {signs[0]} {sides[1]}",
            f"{sides[0]} {word} {sides[2]} {signs[1]} {sides[3]}",
            f"{sides[0]} {signs[0]} {sides[1]} {word} {sides[2]} or {sides[3]}",
        ]
    )


@pytest.mark.parametrize("seed", range(300))
def test_a_random_template_says_what_the_engine_says(seed: int) -> None:
    random = Random(seed)
    source = random_template(random)
    kinds: tuple[Kind, ...] = ("html", "text")
    for kind in kinds:
        compiled = compile_template(source, kind=kind)
        for _ in range(6):
            data = data_with(random.choice(VALUES), random.choice(VALUES))

            assert by_program(compiled, data) == by_engine(compiled, data), (source, data)


@pytest.mark.parametrize(
    "hostile",
    ["'+exit()+'", '"""', "\\", "\n raise SystemExit", "{0}", "#", "\x00", "\ud800", "'''"],
)
def test_nothing_in_a_template_becomes_code(hostile: str) -> None:
    name = hostile.replace('"', "")
    source = f'{hostile}{{{{ d["{name}"] }}}}{{% if a == "{name}" %}}y{{% endif %}}'

    text = compile_template(source, kind="text").render({"a": name, "d": {name: "found"}})

    assert text == f"{hostile}foundy".encode(errors="replace").decode()


@pytest.mark.parametrize("before", ["", "{% assign x = 1 %}"])
def test_filters_inside_loops_share_one_budget(before: str) -> None:
    loop = "{% for i in (1..400) %}" + "{{ i | size }}" * 60 + "{% endfor %}"

    with pytest.raises(TemplateProblem, match=r"filters are called more than 20,000 times"):
        compile_template(before + loop, kind="html").render({})


def test_loops_inside_each_other_are_rendered_however_deep() -> None:
    source = "{% for i in list %}" * 9 + "{{ i }}{{ forloop.index }}" + "{% endfor %}" * 9

    assert compile_template(source, kind="html").render({"list": ["x"]}) == "x1"
