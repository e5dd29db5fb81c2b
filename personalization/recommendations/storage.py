"""A model as bytes for the database, and as memory-mapped arrays shared by all workers."""

import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import Neighbours

NAMES = (
    "product_ids",
    "neighbour_ids",
    "neighbour_scores",
    "popularity",
    "categories",
    "category_names",
    "popular",
    "popular_by_category",
    "category_starts",
)


def arrays_to_bytes(model: Model) -> bytes:
    """One npz archive without pickles; compressed, because most products have few neighbours."""
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **_arrays(model))
    return buffer.getvalue()


def model_from_bytes(payload: bytes) -> Model:
    with _open(payload) as archive:
        return _model(lambda name: archive[name])


def unpack(payload: bytes, *, folder: Path) -> None:
    """Write one file an array; the folder appears complete or not at all, whoever else writes."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    with _open(payload) as archive:
        for name in NAMES:
            np.save(draft / f"{name}.npy", archive[name])
    try:
        draft.rename(folder)
    except OSError:
        # Another process was first; its copy holds the same bytes.
        shutil.rmtree(draft)
        if not folder.exists():
            raise


def open_folder(folder: Path) -> Model:
    """Map the arrays read-only: the workers of a machine share one copy in memory."""
    # As plain arrays over the same pages: np.memmap does each slice in Python.
    return _model(lambda name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")))


def keep_newest(folder: Path, *, count: int) -> None:
    """Delete all but the newest models; processes that map a deleted one keep their view of it."""
    models = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    models.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
    for model in models[count:]:
        shutil.rmtree(model, ignore_errors=True)


def _arrays(model: Model) -> dict[str, NDArray[Any]]:
    return {
        "product_ids": model.product_ids,
        "neighbour_ids": model.neighbours.ids,
        "neighbour_scores": model.neighbours.scores,
        "popularity": model.popularity,
        "categories": model.categories,
        "category_names": np.array(model.category_names, dtype=np.str_),
        "popular": model.popular,
        "popular_by_category": model.popular_by_category,
        "category_starts": model.category_starts,
    }


def _model(read: Callable[[str], NDArray[Any]]) -> Model:
    arrays = {name: read(name) for name in NAMES}
    names = tuple(str(name) for name in arrays.pop("category_names"))
    nearest = Neighbours(ids=arrays.pop("neighbour_ids"), scores=arrays.pop("neighbour_scores"))
    return Model(neighbours=nearest, category_names=names, **arrays)


def _open(payload: bytes) -> Any:
    try:
        return np.load(BytesIO(payload), allow_pickle=False)
    except (BadZipFile, ValueError, EOFError) as error:
        raise ValueError(
            "the stored recommendation model is damaged: run train_recommendations again"
        ) from error
