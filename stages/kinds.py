"""What a value in params.yaml may be: every number has a range, beyond which no machine or no method goes."""

from typing import Annotated, Literal

from pydantic import Field

from nas.parameters import Section, knob
from nas.store import Place

Clusters = Annotated[int, Field(ge=2, le=1000)]
Labels = Annotated[int, Field(ge=2, le=255)]
Natural = Annotated[int, Field(ge=0, le=10**7)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Depth = Annotated[int, Field(ge=0, le=99)]
Count = Annotated[int, Field(ge=1, le=10**7)]
Batch = Annotated[int, Field(ge=1, le=4096)]
Threads = Annotated[int, Field(ge=1, le=256)]
Steps = Annotated[int, Field(ge=1, le=1000)]
Pixels = Annotated[int, Field(ge=0, le=1000)]
Side = Annotated[int, Field(ge=1, le=1000)]
Many = Annotated[int, Field(ge=100, le=10**6)]
Positive = Annotated[float, Field(gt=0, le=1000)]
Seconds = Annotated[float, Field(ge=0, le=10**6)]
Sigma = Annotated[float, Field(ge=0, le=1000)]
Compactness = Annotated[float, Field(ge=0.001, le=1000)]
Share = Annotated[float, Field(gt=0, lt=1)]
Tau = Annotated[float, Field(gt=-1, lt=1)]
Depths = Annotated[list[Depth], Field(min_length=1)]
Size = Literal["first", "image"] | Annotated[int, Field(ge=2, le=1024)]
Weighting = Literal["channels", "none"]
Kind = Literal["nas_clusters", "nas_components"]
Replacement = Literal["mean", "zero", "blur"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Text = Annotated[str, Field(pattern=r"^[^\r\n]+$")]
Names = Annotated[list[Text], Field(min_length=1)]
Paths = Annotated[dict[Depth, str], Field(min_length=1)]


class Agreement(Section):
    background: Share
    object: Share


class Slic(Section):
    compactness: Compactness
    sigma: Sigma


class Felzenszwalb(Section):
    sigma: Sigma
    min_size: Count | None


class Tuned(Section):
    clusters: Clusters | Literal["auto"]
    depths: Depths
    weighting: Weighting
    size: Size


class OfPhotos(Section):
    photos: Names


class OfPhoto(Section):
    photo: Text


class Engine(Section):
    cluster: Text | None = knob("tcp://HOST:PORT of a dask scheduler, or the file that it writes; null: this machine")
    wait: Seconds = knob("seconds for the first worker")

    def place(self) -> Place | None:
        """The cluster on which batches are computed; None: this machine."""
        return None if self.cluster is None else Place(self.cluster, self.wait)
