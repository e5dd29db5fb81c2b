"""What a dialect makes of a request: events in one form, or the reason why one is none."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Said:
    """A consent that came with an event: what `context.consent`, a TCF string or GPC says."""

    purpose: str
    is_granted: bool
    source: str


# Not frozen, as nobody changes it either: to set each field the slow way costs a 15th of taking in.
@dataclass(slots=True)
class Incoming:
    """One event as it came in, its time already corrected and never in the future.

    `type` is track, page, screen, identify, alias or group. The person is a subject of ours, or
    whom `external_id` and `anonymous_id` name; `previous_id` is who an alias says they were.
    `traits` say something of the person, `context` where it happened, `said` what they allow.
    """

    message_id: str
    event: str
    timestamp: datetime
    properties: dict[str, object] = field(default_factory=dict)
    subject_id: int | None = None
    external_id: str = ""
    is_machine: bool = False
    type: str = "track"
    anonymous_id: str = ""
    previous_id: str = ""
    traits: dict[str, object] = field(default_factory=dict)
    context: dict[str, object] = field(default_factory=dict)
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class Faulty:
    """An event inside a good body that is none: kept with its reason, to be mended and replayed.

    `raw` is what came, as JSON values; `message_id` may be empty.
    """

    message_id: str
    reason: str
    raw: object
