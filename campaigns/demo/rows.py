"""What the generators of demo rows share: the seed, ids and times as the data files write them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SEED = 20171231
CURRENCY = "USD"

Row = dict[str, Any]


def external_id(household: int) -> str:
    return f"hh-{household:04d}"


def iso(times: NDArray[np.datetime64]) -> list[str]:
    """ISO 8601 with zone; the data set's times are taken as UTC."""
    texts: list[str] = np.datetime_as_string(times, unit="s", timezone="UTC").tolist()
    return texts
