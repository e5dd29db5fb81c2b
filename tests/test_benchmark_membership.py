"""The benchmark of memberships stops where members differ from a count over everybody."""

import pytest

from benchmarks import membership as benchmark
from personalization.models import Event, SegmentMembership, Source
from personalization.segments import membership, upkeep
from tests.campaigns.factories import NOON, people

# One connection writes, another keeps the members.
pytestmark = pytest.mark.django_db(transaction=True)


def test_each_step_is_brought_in_and_a_wrong_member_stops_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(benchmark, "SEGMENTS", 4)
    monkeypatch.setattr(benchmark, "STEP", 10)
    Source.objects.create(slug="bench", name="Bench")
    ids = [each.pk for each in people(20)]
    for number in range(benchmark.SEGMENTS):
        benchmark._live(number)
    membership.rebuild_all(now=NOON)
    upkeep.catch_up(now=NOON)
    assert SegmentMembership.objects.count() == 0

    paced = benchmark._paced(ids, seconds=0.1)
    benchmark._refuse_differences()

    assert len(paced.lags) == Event.objects.count() == 50
    assert 0 < min(paced.lags) <= max(paced.lags)
    assert SegmentMembership.objects.count() > 20
    SegmentMembership.objects.filter(profile_id=ids[0]).delete()
    with pytest.raises(benchmark.MembersDiffer, match="missing"):
        benchmark._refuse_differences()
