"""What a dialect sees of a request: values only, nothing of the web framework."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from personalization.ingest.body import Parsed
from personalization.ingest.consent_carried import Categories


def no_header(name: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request. `kind` is the type its path names; `network` and `agent` are a browser's."""

    parsed: Parsed
    received_at: datetime
    kind: str = ""
    header: Callable[[str], str] = no_header
    query: Mapping[str, str] = field(default_factory=dict)
    network: str = ""
    agent: str = ""
    has_gpc: bool = False
    categories: Categories = field(default_factory=dict)
