"""A model comes back from bytes and from mapped files as it was."""

import os
from pathlib import Path

import numpy as np
import pytest

from personalization.recommendations import storage
from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import Neighbours
from tests.personalization.recommendation_worlds import model, random_model


def same(left: Model, right: Model) -> bool:
    def arrays(of: Model) -> list[np.ndarray]:
        lists: tuple[Neighbours, ...] = (of.neighbours, of.viewed, of.together)
        return [
            *(array for near in lists for array in (near.ids, near.scores)),
            *(of.product_ids, of.popularity, of.categories, of.trends, of.ages),
            *(of.popular, of.popular_by_category, of.category_starts),
            *(of.places.starts, of.places.positions, of.places.scores),
            *(of.sessions.starts, of.sessions.items, of.sessions.item_starts),
            *(of.sessions.visits, of.sessions.rarity),
        ]

    pairs = zip(arrays(left), arrays(right), strict=True)
    names_are_equal = left.category_names == right.category_names
    names_are_equal = names_are_equal and left.places.numbers == right.places.numbers
    return names_are_equal and all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in pairs)


@pytest.mark.parametrize("original", [random_model(seed=3), model(popularity=[])])
def test_bytes_give_the_model_back(original: Model) -> None:
    payload = storage.arrays_to_bytes(original)

    assert same(storage.model_from_bytes(payload), original)


def test_unpacked_files_are_mapped_not_read(tmp_path: Path) -> None:
    original = random_model(seed=3)

    storage.unpack(storage.arrays_to_bytes(original), folder=tmp_path / "model-1")
    found = storage.open_folder(tmp_path / "model-1")

    assert same(found, original)
    assert isinstance(found.neighbours.ids.base, np.memmap)
    assert not found.neighbours.ids.flags.writeable


def test_unpacking_twice_keeps_the_first_copy_and_leaves_no_draft(tmp_path: Path) -> None:
    payload = storage.arrays_to_bytes(random_model(seed=3))
    storage.unpack(payload, folder=tmp_path / "model-1")
    before = (tmp_path / "model-1" / "popular.npy").stat().st_mtime_ns

    storage.unpack(payload, folder=tmp_path / "model-1")

    assert (tmp_path / "model-1" / "popular.npy").stat().st_mtime_ns == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model-1"]


def test_a_model_of_an_earlier_version_is_told_apart(tmp_path: Path) -> None:
    storage.unpack(storage.arrays_to_bytes(random_model(seed=3)), folder=tmp_path / "model-1")
    (tmp_path / "model-1" / "session_starts.npy").unlink()

    with pytest.raises(storage.OlderModel, match="train again"):
        storage.open_folder(tmp_path / "model-1")


def test_damaged_bytes_say_what_to_do() -> None:
    payload = storage.arrays_to_bytes(random_model(seed=3))

    with pytest.raises(ValueError, match="run train_recommendations again"):
        storage.model_from_bytes(payload[: len(payload) // 2])


def test_only_the_newest_models_are_kept(tmp_path: Path) -> None:
    payload = storage.arrays_to_bytes(random_model(seed=3))
    for number in (9, 10, 11):
        storage.unpack(payload, folder=tmp_path / str(number))
        os.utime(tmp_path / str(number), (number, number))

    storage.keep_newest(tmp_path, count=2)

    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["10", "11"]
