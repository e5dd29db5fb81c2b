"""A history as strategies see it: order, what is unknown, what is left out."""

from personalization.recommendations import past


def test_the_newest_comes_first_and_what_is_unknown_is_left_out() -> None:
    found = past.of([3, -1, 5, 4], [9.0, 1.0, 2.0, 2.0])

    assert list(found) == [(5, 2.0), (4, 2.0), (3, 9.0)]


def test_of_a_product_met_twice_the_last_time_counts() -> None:
    found = past.of([1, 2, 1], [1.0, 3.0, 7.0])

    assert found.distinct() == ([1, 2], [1.0, 3.0])


def test_what_was_just_bought_includes_the_last_day_of_the_window() -> None:
    found = past.of([1, 2, 3, 3], [0.5, 14.0, 14.5, 40.0])

    assert found.within(14) == {1, 2}
    assert found.within(-1) == frozenset()


def test_without_a_product_every_time_it_was_met_is_gone() -> None:
    found = past.of([1, 2, 1, 2], [1.0, 3.0, 7.0, 8.0])

    fewer = found.without(1)

    assert list(fewer) == [(2, 3.0), (2, 8.0)]
    assert fewer.distinct() == ([2], [3.0])
    assert list(found.without(9)) == list(found)
