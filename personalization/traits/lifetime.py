"""Who buys again, and for how much: BG/NBD for how often, Gamma-Gamma for how much.

Fader, Hardie and Lee (2005): while somebody is a customer, they buy at a rate of their own, which
differs between people as a gamma distribution (r, alpha) does; after each purchase they may leave
for good, with a chance that differs as a beta distribution (a, b) does. What a purchase of theirs
is worth differs as Fader and Hardie's gamma-gamma model (p, q, gamma) says. Time is in weeks.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import minimize
from scipy.special import betaln, expit, gammaln

FloatArray: TypeAlias = NDArray[np.float64]

# Exact to the last digits for any horizon that matters (the integrand is smooth).
NODES = 48
YEAR = 52.0
QUARTERS = 4
DISCOUNT_A_YEAR = 0.1
# Parameters outside say that the data do not tell them; the fit ends at the edge instead.
LOWEST, HIGHEST = 1e-3, 1e4
_LEAST = 1e-15
ROUGH = 1_500
_STARTS_BG = ((0.3, 4.0, 0.8, 2.5), (1.0, 10.0, 1.0, 1.0), (2.0, 30.0, 0.1, 2.0))
_STARTS_GG = ((1.0, 2.0, 1.0), (6.0, 4.0, 15.0), (3.0, 10.0, 100.0))


@dataclass(frozen=True, slots=True)
class Histories:
    """Per person: repeat purchases, weeks from the first purchase to the last, and to today."""

    repeats: FloatArray
    last: FloatArray
    age: FloatArray


@dataclass(frozen=True, slots=True)
class Spending:
    """Per person: how many repeat purchases have a value, and their mean."""

    count: FloatArray
    mean: FloatArray


@dataclass(frozen=True, slots=True)
class Frequency:
    """A fitted BG/NBD."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, seen: Histories, /) -> FloatArray:
        """Return the chance that each person is still a customer."""
        shape = self.r + seen.repeats
        # Nobody leaves before their first repeat purchase in this model.
        left = np.where(
            seen.repeats > 0,
            np.log(self.a)
            - np.log(self.b + np.maximum(seen.repeats, 1) - 1)
            + shape * (np.log(self.alpha + seen.age) - np.log(self.alpha + seen.last)),
            -np.inf,
        )
        return np.asarray(expit(-left), dtype=np.float64)

    def expected(self, seen: Histories, /, *, weeks: float) -> FloatArray:
        """Return how many purchases each person is expected to make in the coming weeks.

        The mean over the chance of leaving, p ~ Beta(a, b + x), of (1 - (1 + p t / (alpha + T))^
        -(r + x)) / p, by Gauss-Jacobi quadrature: the same as the published formula with 2F1,
        without its poles.
        """
        found = np.zeros(len(seen.repeats))
        ratio = weeks / (self.alpha + seen.age)
        for repeats in np.unique(seen.repeats):
            rows = np.flatnonzero(seen.repeats == repeats)
            chance, weights = _beta_nodes(self.a, self.b + repeats)
            grown = np.log1p(ratio[rows, None] * chance)
            found[rows] = (-np.expm1(-(self.r + repeats) * grown) / chance) @ weights
        return found * self.alive(seen)

    def quiet(self, seen: Histories, /, *, weeks: float) -> FloatArray:
        """Return the chance that a person buys nothing at all in the coming weeks."""
        silent = (self.r + seen.repeats) * np.log1p(weeks / (self.alpha + seen.age))
        return 1 + self.alive(seen) * np.expm1(-silent)

    def weeks_to_next(self, seen: Histories, /) -> FloatArray:
        """Return when the next purchase is as likely to have come as not; inf if that is never."""
        alive = self.alive(seen)
        with np.errstate(divide="ignore"):
            open_share = np.where(alive > 0.5, 1 - 1 / (2 * np.maximum(alive, 0.5)), 0.0)
            exponent = -np.log(open_share) / (self.r + seen.repeats)
        with np.errstate(over="ignore"):
            return (self.alpha + seen.age) * np.expm1(exponent)


@dataclass(frozen=True, slots=True)
class Worth:
    """A fitted Gamma-Gamma."""

    p: float
    q: float
    gamma: float

    def expected(self, spent: Spending, /) -> FloatArray:
        """Return what a purchase of each person is expected to be worth."""
        return (
            self.p * (self.gamma + spent.count * spent.mean) / (self.p * spent.count + self.q - 1)
        )


def value(frequency: Frequency, worth: Worth, /, *, seen: Histories, spent: Spending) -> FloatArray:
    """Return what each person is expected to spend in the coming year, in today's money.

    Purchases of each quarter count at its end, discounted by 10 % a year.
    """
    worth_of_one = worth.expected(spent)
    total, before = np.zeros(len(seen.repeats)), np.zeros(len(seen.repeats))
    for quarter in range(1, QUARTERS + 1):
        share = quarter / QUARTERS
        until = frequency.expected(seen, weeks=YEAR * share)
        total += (until - before) / (1 + DISCOUNT_A_YEAR) ** share
        before = until
    return total * worth_of_one


def log_likelihood(model: Frequency, seen: Histories, /) -> FloatArray:
    """Return the logarithm of the likelihood of each history under BG/NBD."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    repeats, shape = seen.repeats, model.r + seen.repeats
    # The gamma functions depend on the small whole number of repeats alone.
    whole = repeats.astype(np.int64)
    each = np.arange(whole.max(initial=0) + 1, dtype=np.float64)
    common = gammaln(r + each) - gammaln(r) + betaln(a, b + each) - betaln(a, b)
    left = np.log(a) - np.log(b + np.maximum(each, 1) - 1)
    left[0] = -np.inf
    return np.asarray(
        common[whole]
        + r * np.log(alpha)
        + np.logaddexp(
            -shape * np.log(alpha + seen.age), left[whole] - shape * np.log(alpha + seen.last)
        ),
        dtype=np.float64,
    )


def log_likelihood_of_spending(model: Worth, spent: Spending, /) -> FloatArray:
    """Return the logarithm of the likelihood of each mean under Gamma-Gamma."""
    p, q, gamma = model.p, model.q, model.gamma
    count, mean = spent.count, spent.mean
    return np.asarray(
        gammaln(p * count + q)
        - gammaln(p * count)
        - gammaln(q)
        + q * np.log(gamma)
        + (p * count - 1) * np.log(mean)
        + p * count * np.log(count)
        - (p * count + q) * np.log(gamma + mean * count),
        dtype=np.float64,
    )


def fit(seen: Histories, /) -> Frequency | None:
    """Return the BG/NBD under which these histories are likeliest; None if nobody came back."""
    if not (seen.repeats > 0).any():
        return None
    # Equal histories are counted, not repeated: ten thousands are often some hundreds.
    rows, counts = np.unique(
        np.stack([seen.repeats, seen.last, seen.age], axis=1), axis=0, return_counts=True
    )

    def loss_of(step: int) -> Callable[[FloatArray], float]:
        part, weights = Histories(*rows[::step].T), counts[::step] / counts[::step].sum()

        def loss(parameters: FloatArray) -> float:
            model = Frequency(*np.exp(parameters).tolist())
            return -float(weights @ log_likelihood(model, part))

        return loss

    # Where to look is found with few; where exactly, with all.
    rough = _smallest(loss_of(-(-len(rows) // ROUGH)), starts=_STARTS_BG)
    found = _smallest(loss_of(1), starts=[rough or _STARTS_BG[0]])
    return None if found is None else Frequency(*found)


def fit_spending(spent: Spending, /) -> Worth | None:
    """Return the Gamma-Gamma under which these means are likeliest; it needs repeat purchases."""
    rows = (spent.count > 0) & (spent.mean > 0)
    if not rows.any():
        return None
    counted = Spending(count=spent.count[rows], mean=spent.mean[rows])
    # In units of the average purchase, so that any currency starts near its end.
    unit = float(counted.mean.mean())
    scaled = Spending(count=counted.count, mean=counted.mean / unit)

    def loss(parameters: FloatArray) -> float:
        p, tail, gamma = np.exp(parameters).tolist()
        # q above 1: below, the expected value of a purchase would be without end.
        model = Worth(p=p, q=1 + tail, gamma=gamma)
        return -float(log_likelihood_of_spending(model, scaled).mean())

    found = _smallest(loss, starts=_STARTS_GG)
    return None if found is None else Worth(p=found[0], q=1 + found[1], gamma=found[2] * unit)


def as_numbers(model: Frequency | Worth, /) -> dict[str, float]:
    """Return the parameters by name, as they are stored."""
    return {name: float(value) for name, value in asdict(model).items()}


def _beta_nodes(a: float, b: float, /) -> tuple[FloatArray, FloatArray]:
    """Return points and weights whose weighted mean is a mean over Beta(a, b).

    Gauss-Jacobi by Golub and Welsch: the weights add up to 1 from the start, so they exist also
    where the integral of the weight function itself is too small for a number.
    """
    step = np.arange(NODES, dtype=np.float64)
    total = 2 * step + a + b - 2
    # Recurrence of the Jacobi polynomials for (1 - z)^(b - 1) (1 + z)^(a - 1), z = 2 p - 1.
    middle = np.empty(NODES)
    middle[0] = (a - b) / (a + b)
    middle[1:] = (a - b) * (a + b - 2) / (total[1:] * (total[1:] + 2))
    n, s = step[1:], total[1:]
    beside = 4 * n * (n + b - 1) * (n + a - 1) * (n + a + b - 2)
    beside[1:] /= s[1:] ** 2 * (s[1:] + 1) * (s[1:] - 1)
    # The first is written out: its last two factors cancel, and may be nought.
    beside[0] = 4 * a * b / ((a + b) ** 2 * (a + b + 1))
    points, vectors = eigh_tridiagonal(middle, np.sqrt(beside))
    return np.maximum((points + 1) / 2, _LEAST), vectors[0] ** 2


def _smallest(
    loss: Callable[[FloatArray], float], /, *, starts: Sequence[Sequence[float]]
) -> list[float] | None:
    """Minimise over positive parameters from several starts; None if no start comes to an end."""
    bounds = [(np.log(LOWEST), np.log(HIGHEST))] * len(starts[0])
    best: tuple[float, list[float]] | None = None
    for start in starts:
        done = minimize(
            loss,
            np.log(start),
            method="L-BFGS-B",
            bounds=bounds,
            options={"ftol": 1e-13, "gtol": 1e-8, "maxiter": 500},
        )
        if np.isfinite(done.fun) and (best is None or done.fun < best[0]):
            best = (float(done.fun), np.exp(done.x).tolist())
    return best[1] if best else None
