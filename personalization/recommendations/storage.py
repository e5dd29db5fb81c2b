"""A model as bytes for the database, and as memory-mapped arrays shared by all workers."""

import shutil
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from personalization.recommendations.model import Model, Places
from personalization.recommendations.neighbours import Neighbours
from personalization.recommendations.vmis import Sessions


class OlderModel(ValueError):
    """A model without arrays that serving needs today."""


def arrays_to_bytes(model: Model) -> bytes:
    """One npz archive without pickles; compressed, because most products have few neighbours."""
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **_arrays(model))
    return buffer.getvalue()


def model_from_bytes(payload: bytes) -> Model:
    with _open(payload) as archive:
        return _model({name: archive[name] for name in archive.files})


def unpack(payload: bytes, *, folder: Path) -> None:
    """Write one file an array; the folder appears complete or not at all, whoever else writes."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    with _open(payload) as archive:
        for name in archive.files:
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
    files = sorted(folder.glob("*.npy"))
    return _model({file.stem: np.asarray(np.load(file, mmap_mode="r")) for file in files})


def keep_newest(folder: Path, *, count: int) -> None:
    """Delete all but the newest models; processes that map a deleted one keep their view of it."""
    models = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    models.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
    for model in models[count:]:
        shutil.rmtree(model, ignore_errors=True)


def _arrays(model: Model) -> dict[str, NDArray[Any]]:
    lists = {"": model.neighbours, "viewed_": model.viewed, "together_": model.together}
    return {
        "product_ids": model.product_ids,
        **{f"{kind}neighbour_ids": found.ids for kind, found in lists.items()},
        **{f"{kind}neighbour_scores": found.scores for kind, found in lists.items()},
        "popularity": model.popularity,
        "categories": model.categories,
        "category_names": np.array(model.category_names, dtype=np.str_),
        "popular": model.popular,
        "popular_by_category": model.popular_by_category,
        "category_starts": model.category_starts,
        "trends": model.trends,
        "ages": model.ages,
        "place_names": np.array(list(model.places.numbers), dtype=np.str_),
        **{f"place_{name}": getattr(model.places, name) for name in _PLACES},
        **{f"session_{name}": getattr(model.sessions, name) for name in _SESSIONS},
    }


_PLACES = ("starts", "positions", "scores")
_SESSIONS = ("starts", "items", "item_starts", "visits", "rarity")
_SHARED = ("popularity", "categories", "trends", "ages")
_ORDERS = ("popular", "popular_by_category", "category_starts")


def _model(arrays: Mapping[str, NDArray[Any]]) -> Model:
    if "session_starts" not in arrays:
        raise OlderModel("this model was trained by an earlier version: train again")
    places = [str(name) for name in arrays["place_names"]]
    return Model(
        product_ids=arrays["product_ids"],
        neighbours=_neighbours(arrays, ""),
        viewed=_neighbours(arrays, "viewed_"),
        together=_neighbours(arrays, "together_"),
        category_names=tuple(str(name) for name in arrays["category_names"]),
        places=Places(
            numbers={name: number for number, name in enumerate(places)},
            **{name: arrays[f"place_{name}"] for name in _PLACES},
        ),
        sessions=Sessions(**{name: arrays[f"session_{name}"] for name in _SESSIONS}),
        **{name: arrays[name] for name in (*_SHARED, *_ORDERS)},
    )


def _neighbours(arrays: Mapping[str, NDArray[Any]], kind: str) -> Neighbours:
    return Neighbours(ids=arrays[f"{kind}neighbour_ids"], scores=arrays[f"{kind}neighbour_scores"])


def _open(payload: bytes) -> Any:
    try:
        return np.load(BytesIO(payload), allow_pickle=False)
    except (BadZipFile, ValueError, EOFError) as error:
        raise ValueError(
            "the stored recommendation model is damaged: run train_recommendations again"
        ) from error
