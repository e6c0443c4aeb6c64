"""Linear heads: the classes of a data set on top of a network that was trained for others, which stays as it is.

A head is a logistic regression on the last feature map of the frozen network, averaged over its locations. So the
network with its head ends in pooling and a linear layer, whatever it ended in before, and every method that explains
such a network applies, CAM among them.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from threadpoolctl import threadpool_limits

from nas.store import one_line, read_json, sha256_of, write_bytes, write_json

REGULARIZATIONS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
FOLDS = 5
PARALLEL = 2**22  # features from which on more processes are worth their start
ARRAYS = ("weight", "bias", "classes")
FILE, NOTE = "head.safetensors", "head.json"


@dataclass(frozen=True, eq=False)
class Head:
    """A linear layer from pooled features to logits.

    Attributes
    ----------
    weight : float32 array, shape (n_classes, n_features)
    bias : float32 array, shape (n_classes,)
    classes : int64 array, shape (n_classes,), ascending
        The label that each logit stands for.
    names : of the classes, in the same order; none where they were not given
    C : inverse strength of the regularization, as in scikit-learn, on features of variance 1
    cv_accuracy : share of photos that cross-validation with this C classified rightly
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    classes: NDArray[np.int64]
    C: float
    cv_accuracy: float
    names: tuple[str, ...] = ()

    def index(self, labels: ArrayLike) -> NDArray[np.int64]:
        """Positions of labels among the logits. Raises ValueError for a label that the head does not know."""
        asked = np.asarray(labels)
        unknown = asked[~np.isin(asked, self.classes)]
        if unknown.size:
            raise ValueError(f"labels has {unknown.flat[0]}, which the head was not fitted to; fit it to all classes")
        return np.searchsorted(self.classes, asked)

    def logits(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Features (N, n_features) to logits (N, n_classes)."""
        result: NDArray[np.float32] = features.astype(np.float32) @ self.weight.T + self.bias
        return result

    def save(self, path: Path) -> None:
        """Write a .safetensors file; the same head gives the same bytes."""
        notes = {"nas": json.dumps({"C": self.C, "cv_accuracy": self.cv_accuracy, "names": self.names})}
        # safetensors writes memory as it lies, whatever the order of its axes
        write_bytes(path, save({name: np.ascontiguousarray(getattr(self, name)) for name in ARRAYS}, notes))

    @classmethod
    def load(cls, path: Path) -> "Head":
        """Read what `save` wrote. Raises ValueError for a file that is missing or holds no head."""
        try:
            with safe_open(path, framework="numpy") as file:
                arrays = {name: file.get_tensor(name) for name in ARRAYS}
                notes = json.loads(file.metadata()["nas"])
                return cls(**arrays, **{**notes, "names": tuple(notes["names"])})
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: holds no head ({one_line(error)}); fit it anew") from None


def fit_head(features: ArrayLike, labels: ArrayLike, seed: int) -> Head:
    """Fit a multinomial logistic regression to the features of a frozen network.

    Features are scaled to mean 0 and variance 1 for the fit, and the scale is folded into the weights. C is the one
    of `REGULARIZATIONS` with the best accuracy in stratified cross-validation, the smallest of equals; the folds, at
    most `FOLDS`, are drawn by `seed`. The same input gives the same head, on the same machine.

    Parameters
    ----------
    features : array, shape (N, n_features), finite, see `pooled_features`
    labels : integer array, shape (N,)
        At least two classes of at least two photos.

    Raises
    ------
    ValueError : shapes that do not fit, values that are not finite, too few photos
    """
    from sklearn.linear_model import LogisticRegression  # only here: whoever reads a head does not need it
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = np.asarray(features, np.float64), np.asarray(labels)
    if x.ndim != 2 or y.shape != x.shape[:1] or y.dtype.kind not in "iu":
        raise ValueError(
            f"features has shape {x.shape} and labels {y.shape} of {y.dtype}; give (N, n_features) and N integers"
        )
    if not np.isfinite(x).all():
        raise ValueError("features has values that are not finite; leave out the photos that have them")
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2 or counts.min() < 2:
        least = f", class {classes[counts.argmin()]} has {counts.min()} photos" if len(classes) else ""
        raise ValueError(f"labels has {len(classes)} classes{least}; give two classes or more, of two photos or more")
    folds = StratifiedKFold(min(FOLDS, int(counts.min())), shuffle=True, random_state=seed)
    # lbfgs: no random start, and one optimum, since the penalty makes the loss strictly convex
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, tol=1e-6))
    grid, n_jobs = {"logisticregression__C": REGULARIZATIONS}, -1 if x.size > PARALLEL else None
    with threadpool_limits(1):  # sums in another order would change last bits
        search = GridSearchCV(model, grid, cv=folds, n_jobs=n_jobs).fit(x, y)
    scaler, regression = (step for _, step in search.best_estimator_.steps)
    weight, bias = regression.coef_, regression.intercept_
    if len(classes) == 2:  # scikit-learn keeps the one logit of a sigmoid
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    scaled = weight / scaler.scale_
    return Head(
        weight=scaled.astype(np.float32),
        bias=(bias - scaled @ scaler.mean_).astype(np.float32),
        classes=classes.astype(np.int64),
        C=float(search.best_params_["logisticregression__C"]),
        cv_accuracy=float(search.best_score_),
    )


@dataclass(frozen=True)
class Fit:
    """What became of the head of a network for a data set, as the report tells it.

    Attributes
    ----------
    reason : why there is none, "" where there is one
    n_photos, n_classes : that it was fitted to
    C, cv_accuracy : see `Head`
    """

    reason: str = ""
    n_photos: int = 0
    n_classes: int = 0
    C: float | None = None
    cv_accuracy: float | None = None


def write_head(folder: Path, head: Head | None, fit: Fit) -> None:
    """Write a head, where there is one, and what became of it."""
    if head is None:
        (folder / FILE).unlink(missing_ok=True)
    else:
        head.save(folder / FILE)
    write_json(folder / NOTE, asdict(fit))


def read_head(folder: Path) -> tuple[Head | None, Fit]:
    """What `write_head` wrote. Raises ValueError where nothing was written."""
    if not (folder / NOTE).is_file():
        raise ValueError(f"{folder}: holds no {NOTE}; run the stage heads (dvc repro)")
    fit = Fit(**read_json(folder / NOTE))
    return None if fit.reason else Head.load(folder / FILE), fit


def head_fingerprint(folder: Path) -> str:
    """Hash of what `write_head` wrote."""
    parts = [folder / name for name in (NOTE, FILE)]
    return "-".join(sha256_of(part) for part in parts if part.is_file())
