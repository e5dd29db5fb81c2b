"""Members kept person by person are those of a full count, whatever happens and however time goes.

`make prove` lives through 40 random shops; `make test` through two.
"""

import sys
from collections import Counter

import pytest

from personalization.conditions import expiry
from tests.personalization.segment_proof import check

pytestmark = [
    pytest.mark.django_db,
    # Hypothesis has a remark on large strategies; it is of no use to the reader of a test run.
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]
SHOPS = 40


@pytest.mark.parametrize("number", [1, 2])
def test_members_are_those_of_a_full_count_at_each_moment(number: int) -> None:
    counts = check(number, steps=6)

    assert counts["time passed"] == 6 * 15
    assert counts["members"]


def test_a_clock_that_is_late_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: moments that are noted too late do not pass."""
    real = expiry._plus
    monkeypatch.setattr(expiry, "_plus", lambda at, delta: real(at, delta * 1.01))

    with pytest.raises(AssertionError, match="Drift"):
        sum((check(number, steps=6) for number in range(1, 9)), start=Counter[str]())


@pytest.mark.prove
def test_members_are_those_of_a_full_count_in_many_shops(
    capsys: pytest.CaptureFixture[str],
) -> None:
    total = sum((check(number, steps=20) for number in range(SHOPS)), start=Counter[str]())
    with capsys.disabled():
        sys.stdout.write(f"\n{dict(total)}\n")

    assert total["time passed"] >= 20 * 15 * SHOPS
    assert total["just before"] >= 5 * 15 * SHOPS
