"""Figures as Markdown tables, in the form docs/benchmarks.md holds them, and as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

Cell = str | int | float


@dataclass(frozen=True, slots=True)
class Table:
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def __str__(self) -> str:
        """The first column is text, the others are figures."""
        rule = "|---|" + "---:|" * (len(self.head) - 1)
        lines = [_line(self.head), rule, *map(_line, self.rows)]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark found; `notes` are sentences that belong under its tables."""

    figures: Mapping[str, object]
    tables: Sequence[Table]
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        return "\n\n".join([*map(str, self.tables), *self.notes])


def write(path: Path, *, content: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{json.dumps(content, indent=1)}\n", encoding="utf-8")


def middle(values: Sequence[float]) -> float:
    return round(median(values), 2)


def spread(values: Sequence[float]) -> str:
    """The lowest and the highest of the rounds."""
    return f"{min(values):,.0f}–{max(values):,.0f}"


def _line(cells: Sequence[Cell]) -> str:
    return f"| {' | '.join(map(_text, cells))} |"


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    return f"{cell:,.2f}" if isinstance(cell, float) and abs(cell) < 100 else f"{cell:,.0f}"
