"""How wrong is the lifetime model? Fitted on the past, held against what came, beside baselines."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.traits import lifetime
from personalization.traits.lifetime import FloatArray, Histories

MODEL, AS_BEFORE, ALIKE, NONE = "model", "as_before", "everybody_alike", "nobody_again"
# In plain words; the admin shows these.
PREDICTORS = {
    MODEL: "this model",
    AS_BEFORE: "each goes on as before",
    ALIKE: "everybody buys as often as the average",
    NONE: "nobody buys again",
}


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What people did up to the cut, and how often they bought in the weeks after it."""

    seen: Histories
    bought: FloatArray
    weeks: float


def measure(held_out: HeldOut, /) -> dict[str, Any]:
    """Fit before the cut, predict what comes after it; {} where there is nothing to fit.

    `mae` and `rmse` are the mean absolute and root mean square error in purchases a person;
    `brier` that of the chance to buy nothing at all (0 is perfect), beside saying the true
    share to everybody, which nobody could have known.
    """
    seen, bought, weeks = held_out.seen, held_out.bought, held_out.weeks
    model = lifetime.fit(seen) if len(bought) else None
    if model is None:
        return {}
    observed = np.maximum(seen.age, 1.0)
    predictions = {
        MODEL: model.expected(seen, weeks=weeks),
        AS_BEFORE: seen.repeats / observed * weeks,
        ALIKE: np.full(len(bought), seen.repeats.sum() / observed.sum() * weeks),
        NONE: np.zeros(len(bought)),
    }
    quiet, was_quiet = model.quiet(seen, weeks=weeks), (bought == 0).astype(np.float64)
    return {
        "weeks": round(weeks, 1),
        "people": len(bought),
        "purchases": round(float(bought.sum())),
        "predicted": {name: round(float(each.sum()), 1) for name, each in predictions.items()},
        "mae": {name: _mean(np.abs(each - bought)) for name, each in predictions.items()},
        "rmse": {
            name: round(float(np.sqrt(np.mean((each - bought) ** 2))), 4)
            for name, each in predictions.items()
        },
        "quiet_share": _mean(was_quiet),
        "brier": {
            MODEL: _mean((quiet - was_quiet) ** 2),
            "true_share": _mean((was_quiet.mean() - was_quiet) ** 2),
        },
    }


def _mean(values: NDArray[np.float64]) -> float:
    return round(float(values.mean()), 4)
