"""The classifiers of three tasks of PMO, from pickles to plain arrays: drd2, gsk3b and jnk3.

The wheel `molscore` (MIT licence) holds them as pickles of scikit-learn. A pickle can run any code when it is read, so
these are read by a reader that knows arrays and four empty classes, and refuses everything else.
"""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from safetensors.numpy import save

from gancore.errors import DataError
from gancore.io.downloads import cache

NAME, FILE = "pmo-classifiers", "classifiers.safetensors"
"""The name to fetch them by, and the file that holds them."""
ARCHIVE = "molscore==1.9.5"
SHA256 = "6ebc2af51891dddc03d0f4ee94c52381caefe74d06552d55cbac2cb33461e6a1"
"""The wheel that they come from, and its digest. The file of arrays notes the digest."""
CLASSIFIERS = {
    "drd2": "probability of activity at the dopamine receptor D2, Olivecrona et al. 2017",
    "gsk3b": "probability of inhibiting glycogen synthase kinase 3 beta, Li et al. 2018",
    "jnk3": "probability of inhibiting c-Jun N-terminal kinase 3, Li et al. 2018",
}
"""What each foretells, and who trained it."""
_LICENCE = "molscore-1.9.5.dist-info/licenses/LICENSE"
_NARROWEST = (np.uint8, np.int16, np.int32, np.float32)


def find() -> Path | None:
    """The fetched file of arrays; None where it has not been fetched."""
    place = cache() / NAME / FILE
    return place if place.exists() else None


def convert(archive: Path, folder: Path) -> None:
    """Write the arrays of all classifiers, and the licence, from the wheel to a folder. The same wheel, the same bytes.

    Raises DataError for a pickle that holds anything but such a classifier.
    """
    arrays: dict[str, ndarray] = {}
    with zipfile.ZipFile(archive) as wheel:
        for name in CLASSIFIERS:
            estimator = read_pickle(wheel.read(f"molscore/data/models/molopt/{name}_current.pkl"))
            arrays |= {f"{name}.{key}": array for key, array in arrays_of(estimator).items()}
        (folder / "LICENSE").write_bytes(wheel.read(_LICENCE))
    (folder / FILE).write_bytes(save(arrays, {"archive": SHA256}))


# Reading pickles ------------------------------------------------------------------------------


class Estimator:
    """Stands for an object of scikit-learn: keeps its state and does nothing."""

    def __init__(self, *arguments: object):
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state


class SVC(Estimator):
    """A support vector classifier."""


class RandomForestClassifier(Estimator):
    """A forest."""


class DecisionTreeClassifier(Estimator):
    """A tree as an estimator."""


class Tree(Estimator):
    """The nodes of a tree."""


_MULTIARRAY = {"_reconstruct": np.empty(0).__reduce__()[0], "scalar": np.float64(0).__reduce__()[0]}
_ALLOWED = {
    "numpy": {"ndarray": np.ndarray, "dtype": np.dtype},
    "numpy.core.multiarray": _MULTIARRAY,
    "numpy._core.multiarray": _MULTIARRAY,
    "sklearn.svm._classes": {"SVC": SVC},
    "sklearn.ensemble._forest": {"RandomForestClassifier": RandomForestClassifier},
    "sklearn.tree._classes": {"DecisionTreeClassifier": DecisionTreeClassifier},
    "sklearn.tree._tree": {"Tree": Tree},
}
"""All that a pickle may name, by module and name."""


class _Reader(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """What a name in the pickle stands for. Raises DataError unless it is a known one."""
        try:
            return _ALLOWED[module_name][global_name]
        except KeyError:
            raise DataError(f"the pickle names {module_name}.{global_name}, which no classifier holds.") from None


def read_pickle(data: bytes) -> Any:
    """The object of a pickle of a scikit-learn classifier, as arrays within `Estimator`s; runs nothing of it.

    Raises DataError for a pickle that names anything else, or that cannot be read.

    >>> read_pickle(b"cos\\nsystem\\n(S'exit'\\ntR.")
    Traceback (most recent call last):
    gancore.errors.DataError: the pickle names os.system, which no classifier holds.
    """
    try:
        return _Reader(io.BytesIO(data)).load()
    except DataError:
        raise
    except Exception as error:  # what a broken pickle raises can be anything
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(f"the pickle cannot be read ({why}).") from None


# From estimators to arrays --------------------------------------------------------------------


def arrays_of(estimator: Any) -> dict[str, ndarray]:
    """What a classifier of two classes needs to foretell, by name, each in the narrowest type that holds it exactly.

    A support vector machine: vectors `(vector, feature)`, coefficients `(vector,)`, and the numbers intercept, gamma,
    slope and offset; the latter two are those of Platt's sigmoid. A forest: roots `(tree,)`, and of each node of all
    trees left, right, feature, threshold and share, the share of the second class among its training rows. A leaf is
    its own left and right. Raises DataError for anything else.
    """
    if isinstance(estimator, SVC) and estimator.state.get("kernel") == "rbf":
        arrays = _support_vectors(estimator.state)
    elif isinstance(estimator, RandomForestClassifier):
        arrays = _forest([tree.state["tree_"].state for tree in estimator.state["estimators_"]])
    else:
        raise DataError(f"the pickle holds {type(estimator).__name__}, no forest and no SVC with an RBF kernel.")
    return {name: _narrow(array) for name, array in arrays.items()}


def _support_vectors(state: dict[str, Any]) -> dict[str, ndarray]:
    numbers = {"intercept": state["_intercept_"], "slope": state["_probA"], "offset": state["_probB"]}
    return {
        "vectors": state["support_vectors_"],
        "coefficients": state["_dual_coef_"][0],
        "gamma": np.array(state["_gamma"]),
        **{name: value.reshape(()) for name, value in numbers.items()},
    }


def _forest(trees: list[dict[str, Any]]) -> dict[str, ndarray]:
    sizes = np.array([len(tree["nodes"]) for tree in trees])
    roots = np.cumsum(sizes) - sizes
    nodes = np.concatenate([tree["nodes"] for tree in trees])
    values = np.concatenate([tree["values"][:, 0] for tree in trees])
    own, first = np.arange(len(nodes)), np.repeat(roots, sizes)
    leaf = nodes["left_child"] < 0
    return {
        "roots": roots,
        "left": np.where(leaf, own, first + nodes["left_child"]),
        "right": np.where(leaf, own, first + nodes["right_child"]),
        "feature": np.where(leaf, 0, nodes["feature"]),
        "threshold": np.where(leaf, 0.0, nodes["threshold"]),
        "share": values[:, 1] / values.sum(1),
    }


def _narrow(array: ndarray) -> ndarray:
    with np.errstate(invalid="ignore"):  # numbers that a type cannot hold
        kinds = (kind for kind in _NARROWEST if np.array_equal(array.astype(kind), array))
        return np.array(array, next(kinds, array.dtype), order="C")
