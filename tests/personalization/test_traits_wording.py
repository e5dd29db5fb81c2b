"""A fit in plain words: ranges without gaps, honest verdicts."""

from typing import Any

import pytest

from personalization.traits import wording
from personalization.traits.holdout import PREDICTORS


def held_out(**rmse: float) -> dict[str, Any]:
    errors = dict(zip(PREDICTORS, rmse.values(), strict=True))
    return {"predicted": errors, "mae": errors, "rmse": errors}


def test_ranges_say_what_each_score_stands_for_the_best_first() -> None:
    cuts: dict[str, list[float]] = {
        "recency": [7, 30, 30, 90],
        "frequency": [1, 2, 3, 5],
        "monetary": [9.5, 20, 40, 1000],
    }

    recency, frequency, monetary = wording.levels(cuts)

    assert recency.rows == [
        (5, "up to 7"),
        (4, "more than 7, up to 30"),
        (3, "nobody: too many are equal"),
        (2, "more than 30, up to 90"),
        (1, "more than 90"),
    ]
    assert frequency.rows[0] == (5, "more than 5")
    assert monetary.rows[-2:] == [(2, "more than 9.50, up to 20"), (1, "up to 9.50")]
    assert monetary.rows[0] == (5, "more than 1,000")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (0.8, "closer than every simple guess"),
        (1.01, "as close as the best simple guess, “everybody buys"),
        (1.2, "take its values with care"),
    ],
)
def test_the_verdict_owns_up_when_a_simple_guess_is_as_good(model: float, words: str) -> None:
    found = held_out(model=model, as_before=3, alike=1.0, none=2)

    assert words in wording.verdict(found)
    assert wording.comparison(found)[0].is_model is (model < 1)


def test_without_held_out_weeks_nobody_claims_anything() -> None:
    assert "nobody knows yet" in wording.verdict({})
    assert wording.comparison({}) == []
    assert wording.habits({}) == []
    assert wording.levels({}) == []


def test_parameters_read_as_habits() -> None:
    parameters = {
        "frequency": {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426},
        "worth": {"p": 6.25, "q": 3.74, "gamma": 15.44},
    }

    rate, leaving, worth = wording.habits(parameters)

    assert "once in 18.2 weeks" in rate
    assert "differ a lot" in rate
    assert "25 % of customers leave" in leaving
    assert "worth 35.22" in worth


def test_parameters_the_data_do_not_tell_say_so() -> None:
    parameters = {"frequency": {"r": 1855.0, "alpha": 10000.0, "a": 0.001, "b": 2999.0}}

    found = wording.habits(parameters)

    assert "are alike" in found[0]
    assert "less than 1 %" in found[1]
    assert "at the edge" in found[2]
