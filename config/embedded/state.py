"""What the supervisor tells the users of its servers, in one small file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from config.embedded.layout import Layout, Places


@dataclass(frozen=True, slots=True)
class State:
    """Present only while the servers are ready."""

    supervisor: int
    data: str
    sockets: str
    programs: str
    notice: str

    @property
    def places(self) -> Places:
        return Places(data=Path(self.data), sockets=Path(self.sockets))


def read(layout: Layout) -> State | None:
    try:
        return State(**json.loads(_file(layout).read_text()))
    except FileNotFoundError:
        return None


def write(state: State, *, layout: Layout) -> None:
    unfinished = _file(layout).with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(state)))
    unfinished.replace(_file(layout))


def clear(layout: Layout) -> None:
    _file(layout).unlink(missing_ok=True)


def _file(layout: Layout) -> Path:
    return layout.run / "state.json"
