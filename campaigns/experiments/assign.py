"""Give a recipient the same variant every time, without storing a coin flip."""

from collections.abc import Mapping

from campaigns.experiments.bucketing import bucket

HOLDOUT_BUCKETS = 100


def choose_variant(recipient: str, *, experiment: str, weights: Mapping[str, int]) -> str:
    """Return the key of an arm; a change of the weights deals people anew, so they are fixed."""
    point = bucket(recipient, seed=experiment, size=sum(weights.values()))
    for variant, weight in sorted(weights.items()):
        if point < weight:
            return variant
        point -= weight
    raise AssertionError("unreachable: point is below the sum of the weights")


def holdout_seed(experiment: str) -> str:
    """Return the seed of the holdout: another one than the arms', or it would skew them."""
    return f"{experiment}:holdout"


def is_held_out(recipient: str, *, experiment: str, percent: int) -> bool:
    """Say whether a recipient is in the share that gets no mail."""
    return bucket(recipient, seed=holdout_seed(experiment), size=HOLDOUT_BUCKETS) < percent
