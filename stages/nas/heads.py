"""Linear heads: the classes of a data set on top of a network that was trained for others, which stays as it is.

A head is a logistic regression on the pooled features of the frozen network, so the network with its head ends in
pooling and a linear layer as before, and every method that explains it applies.
"""

import copy
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, fx, nn

from nas.classifiers import Classifier
from nas.saliency.graph import with_last_map
from nas.shards import write_bytes

REGULARIZATIONS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
FOLDS = 5
ARRAYS = ("weight", "bias", "classes")


@dataclass(frozen=True, eq=False)
class Head:
    """A linear layer from pooled features to logits.

    Attributes
    ----------
    weight : float32 array, shape (n_classes, n_features)
    bias : float32 array, shape (n_classes,)
    classes : int64 array, shape (n_classes,), ascending
        The label that each logit stands for.
    C : inverse strength of the regularization, as in scikit-learn, on features of variance 1
    cv_accuracy : share of photos that cross-validation with this C classified rightly
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    classes: NDArray[np.int64]
    C: float
    cv_accuracy: float

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
        notes = {"nas": json.dumps({"C": self.C, "cv_accuracy": self.cv_accuracy})}
        # safetensors writes memory as it lies, whatever the order of its axes
        write_bytes(path, save({name: np.ascontiguousarray(getattr(self, name)) for name in ARRAYS}, notes))

    @classmethod
    def load(cls, path: Path) -> "Head":
        """Read what `save` wrote. Raises ValueError for a file that is missing or holds no head."""
        try:
            with safe_open(path, framework="numpy") as file:
                arrays = {name: file.get_tensor(name) for name in ARRAYS}
                return cls(**arrays, **json.loads(file.metadata()["nas"]))
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: holds no head ({' '.join(str(error).split())}); fit it anew") from None


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
    search = GridSearchCV(model, {"logisticregression__C": REGULARIZATIONS}, cv=folds).fit(x, y)
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


@torch.no_grad()
def pooled_features(classifier: Classifier, x: Tensor) -> Tensor:
    """What the closing linear layer takes in: inputs (B, 3, size, size) to the mean of the last map, (B, C).

    Raises
    ------
    ValueError : a network that does not end in pooling and a linear layer
    """
    network, _ = _closing(classifier)
    maps, _ = network(x)
    features: Tensor = maps.mean((2, 3))
    return features


def with_head(classifier: Classifier, head: Head) -> Classifier:
    """A copy of a classifier whose closing linear layer is `head`: logits (B, n_classes) in the order of its classes.

    Raises
    ------
    ValueError : a network that does not end in pooling and a linear layer, or a head for other features
    """
    _, linear = _closing(classifier)
    n_classes, n_features = head.weight.shape
    if n_features != linear.in_features:
        raise ValueError(
            f"the head takes {n_features} features, {classifier.name!r} has {linear.in_features}; "
            "fit it to the features of this network"
        )
    name = next(name for name, part in classifier.module.named_modules() if part is linear)
    layer = nn.Linear(n_features, n_classes)
    layer.load_state_dict({"weight": torch.from_numpy(head.weight), "bias": torch.from_numpy(head.bias)})
    module = copy.deepcopy(classifier.module)
    parent, _, own = name.rpartition(".")
    setattr(module.get_submodule(parent), own, layer)
    recipe = replace(classifier.recipe, depths=classifier.depths)
    return Classifier(classifier.name, module, recipe, classifier.device)


def _closing(classifier: Classifier) -> tuple[fx.GraphModule, nn.Linear]:
    """The network as a function to (last map, logits), and its closing linear layer."""
    refusal = (
        f"{classifier.name!r} does not end in pooling and a linear layer, so it can have no other head; "
        "choose a network that does, such as mobilenet_v2 or resnet50"
    )
    try:
        network, linear = with_last_map(classifier.module, classifier.size)
    except ValueError as error:
        raise ValueError(refusal) from error
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 3, classifier.size, classifier.size, generator=generator).to(classifier.device)
    with torch.no_grad():
        maps, logits = network(x)
        if not (
            isinstance(linear, nn.Linear)
            and linear.in_features == maps.shape[1]
            and torch.allclose(linear(maps.mean((2, 3))), logits, rtol=0, atol=1e-3 * float(logits.abs().max()))
        ):
            raise ValueError(refusal)
    return network, linear
