"""One verified delivery on its way to being understood."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from personalization.sources.reading import Node


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came, and what its source is set to. No time in it counts as later than its arrival."""

    id: str
    topic: str
    body: Node
    received_at: datetime
    mapping: Mapping[str, Any]
