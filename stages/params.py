"""params.yaml as typed values: every knob, what it may be, and the comment that stands beside it there."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from nas.data import DATASETS
from nas.parameters import Section, check_names, knob, load, run_program, tidy, validate
from nas.relevance import SIMPLE
from nas.saliency import GAUSSIAN, RAW
from nas.statistics import Resampling
from nas.store import elsewhere
from nas.superpixels import SEGMENTATIONS, Segmenting, Variant
from stages import shipped
from stages.checks import checked
from stages.kinds import (
    Agreement,
    Batch,
    Clusters,
    Count,
    Depths,
    Engine,
    Felzenszwalb,
    Kind,
    Labels,
    Many,
    Name,
    Names,
    Natural,
    OfPhoto,
    OfPhotos,
    Paths,
    Pixels,
    Positive,
    Replacement,
    Seed,
    Share,
    Side,
    Size,
    Slic,
    Steps,
    Tau,
    Text,
    Threads,
    Tuned,
    Weighting,
)

PARAMS, SCRATCH, TIMINGS = Path("params.yaml"), Path("data/scratch"), Path("reports/timings.json")
HEADER = "# Every knob of the replication. Edit one, run `dvc repro`: only what depends on it runs again.\n\n"

FIRST = ("choices", "own_photos", "own_weights")  # stages that run before all others
LABEL_MAPS = "superpixels.label_maps"  # where it stands what label maps there are


class Download(Section):
    root: dict[Name, Text] = knob("data set -> folder that you already have, used in place, e.g. {cub: ~/CUB_200_2011}")
    mirror: dict[Name, Text] = knob("data set, or base for all -> address in place of the official host")
    split: dict[Name, str] = knob("data set -> official split or all; by default the one to evaluate on")
    masks: Literal["auto", "object", "soft", "instances"] = knob("of the data set folder; auto: recognized, or refused")
    agreement: Agreement = knob("of cub: background up to, object from so large a share of annotators; ignored between")
    squares: Literal["ignored", "object"] = knob("of stl10: those at the edge of an object, which show background too")
    limit: Count | None = knob("photos per data set: null for all, or a class-balanced subset of so many")
    train: Natural | None = knob("photos of the train split, for linear heads: null for all, or so many, 0 for none")


class Weights(Section):
    files: dict[Name, Text] = knob("classifier -> your own .safetensors or .pth state dict: needed for timm's")


class Activations(Section):
    precision: Literal["float32", "float16"] = knob("of the stored maps: float32 or float16")
    batch: Batch = knob("photos per forward pass")
    threads: Threads = knob("of a pass on a CPU; all other work has one per process")
    backend: Literal["openvino", "torch"] = knob("of passes without gradients on a CPU: openvino, or torch")
    forward: Literal["float32", "bfloat16", "float16"] = knob("of the pass: float32, bfloat16, or on a GPU float16")
    cache: bool = knob("store the maps; false saves the disk and computes them anew whenever they are read")
    depths: dict[Name, Paths] = knob("classifier -> depths in place of its own, e.g. {vgg16: {2: features.16}}")


class Superpixels(Section):
    clusters: Clusters | Literal["auto"] = knob("k of k-means, or auto")
    depths: Depths = knob("0 is the stem, 1 to 4 are the last maps at stride 4, 8, 16, 32")
    weighting: Weighting = knob("channels: (1 + C_1) / (1 + C_l); or none")
    interpolation: Literal["bicubic", "bilinear"] = knob("of the maps to the common grid: bicubic or bilinear")
    sizes: list[Size] = knob("grids of variants: of the shallowest depth (the recipe's), of the photo", min_length=1)
    tuned: Tuned | None = knob("a variant of its own, or null; this one was chosen on 150 birds of CUB with ResNet-50")
    tolerance: Pixels = knob("pixels, of boundary recall, boundary precision and edge adherence")
    edge_quantile: Share = knob("the strongest tenth of the image gradients are edges")
    slic: Slic = knob("weight of place against colour; blur, in pixels")
    felzenszwalb: Felzenszwalb = knob("blur, in pixels; least region, null: a twelfth of the mean region")
    figure: OfPhotos = knob("figure 1")

    def variants(self) -> dict[str, Variant]:
        """The variants of NAS by name: the default on each grid, and `tuned` where it is set."""
        found = {str(size): Variant(self.clusters, tuple(self.depths), self.weighting, size) for size in self.sizes}
        if own := self.tuned:
            found["tuned"] = Variant(own.clusters, tuple(own.depths), own.weighting, own.size)
        return found

    def label_maps(self) -> list[str]:
        """METHOD.VARIANT of every label map that the stage makes."""
        return [f"{method}.{variant}" for variant in self.variants() for method in SEGMENTATIONS]

    def segmenting(self, seed: int) -> Segmenting:
        """What all variants share."""
        rivals = self.slic.model_dump(), self.felzenszwalb.model_dump()
        return Segmenting(self.interpolation, seed, self.tolerance, self.edge_quantile, *rivals)


class Ablation(Section):
    depths: list[Depths] = knob("each of these sets with each of these k, on the recipe's grid", min_length=1)
    clusters: list[Clusters] = knob("k of k-means", min_length=1)
    sizes: list[Size] = knob("at the default depths and k", min_length=1)
    weighting: list[Weighting] = knob("at the default depths and k", min_length=1)
    figure: OfPhoto = knob("figure 3")


class Method(Section):
    figure: OfPhoto = knob("figure 2")


class ClassesFigure(Section):
    name: str = knob("one of classes.names, of the first data set", of="classes.names", shipped="bird")
    cluster: Natural | None = knob("shown alone; null: of those in most photos the one most on the objects")
    rows: Count = knob("photos at most, a sample of larger classes")


class Classes(Section):
    names: Names | None = knob("classes or super-classes of two photos or more, or null for every such class")
    clusters: Labels = knob("k of one k-means over all photos of a class")
    own_clusters: list[Labels] = knob("k of each photo's own clustering, held against it", min_length=1)
    figure: ClassesFigure = knob("figure 4")


class SaliencyFigure(Section):
    photos: Names
    methods: Names = knob(of="saliency.methods", shipped=shipped.PICTURED)
    regions: str = knob(of=LABEL_MAPS, shipped=shipped.AVERAGED[1])


class Saliency(Section):
    methods: Names = knob("of the table in nas.saliency; what a network cannot do is left out, and says why")
    regions: str = knob("of LIME and KernelSHAP: METHOD.VARIANT", of=LABEL_MAPS, shipped=shipped.AVERAGED[0])
    batch: Batch = knob("images or perturbed images per pass")
    parameters: dict[str, dict[str, Any]] = knob(
        "counts that fit into minutes; in comments those of the papers",
        entries=shipped.OF_PAPERS,
        of="saliency.methods",
        shipped=shipped.COUNTS,
    )
    figure: SaliencyFigure = knob("figure 5")


class Convergence(Section):
    photos: Count = knob("so many, evenly spaced over the data set")
    factors: list[Positive] = knob("times the count of saliency.parameters", min_length=1)
    reference: Positive = knob("times that count, and another seed: what the others are compared with")
    n_steps: list[Count] = knob(
        "images in a relevance curve; the most are what the others are compared with", min_length=1
    )


class LocalizationFigure(Section):
    # cam is left out: of a network that ends in pooling and linear its maps are those of grad_cam, up to a factor
    methods: Names = knob(of="localization.methods", also=(GAUSSIAN,), shipped=shipped.PLOTTED)
    regions: Names = knob(of="localization.regions", also=(RAW,), shipped=shipped.DRAWN)


class Localization(Section):
    methods: Literal["all"] | Names = knob(
        "all of saliency.methods, or some; and the centre Gaussian", of="saliency.methods"
    )
    regions: Names = knob("each map as it is (raw), and averaged inside these", of=LABEL_MAPS, shipped=shipped.KINDS)
    ious: list[Share] = knob("a box is right from this overlap on", min_length=1)
    resamples: Many = knob("each chooses the threshold anew")
    figure: LocalizationFigure = knob("figure 6")


class Removals(Section):
    orders: Names = knob(of=LABEL_MAPS, also=SIMPLE, shipped=shipped.ORDERS)
    replacements: list[Replacement] = Field(min_length=1)


class RelevanceFigure(Section):
    methods: Names = knob(of="relevance.methods", shipped=shipped.CURVES)
    orders: Names = knob(of="relevance.least.orders", shipped=shipped.REMOVED)
    replacement: Replacement = knob(of="relevance.least.replacements", shipped="mean")
    ranked: Literal["real", "all"] = knob("figure 9: whose rankings the heat map compares: real, or controls too")


class Relevance(Section):
    methods: Names = knob(
        "of these methods of the stage saliency; random and sobel are the controls",
        of="saliency.methods",
        shipped=shipped.RANKED,
    )
    least: Removals = knob("least relevant part first (LeRF): what goes whole, and what is shown instead")
    most: Removals = knob("most relevant part first (MoRF); where both are, the symmetric gain is measured too")
    n_steps: Steps = knob("images in a curve beside the photo; 32 for a paper")
    tile: Side = knob("side of a tile, in pixels")
    blur: Positive = knob("standard deviation, in pixels")
    batch: Batch = knob("images per forward pass; 64 on a GPU")
    figure: RelevanceFigure = knob("figure 8")


class SemanticsFigure(Section):
    name: str = knob("one of classes.names", of="classes.names", shipped="bird")
    photos: Count = knob("the first so many")


class Semantics(Section):
    methods: Names = knob("of these methods, for the predicted class", of="saliency.methods", shipped=shipped.SCORED)
    regions: Names = knob("each map as it is (raw), and averaged inside these", of=LABEL_MAPS, shipped=shipped.INSIDE)
    learnt_from: Count = knob("labelled photos, at most, from which tags are learnt; never the one that they score")
    labelled: list[Count] = knob("numbers of labelled photos of a class from which its tags are learnt", min_length=1)
    draws: Steps = knob("of the labelled photos, for each number")
    figure: SemanticsFigure = knob("figure 7")


class Claims(Section):
    alpha: Share = knob("of the p-values of all tests together, corrected by Holm")
    regions: list[Kind] = knob("kinds of NAS, each with tests of its own: nas_clusters, nas_components", min_length=1)
    consistent_tau: Tau = knob("a threshold of ours: two rankings are alike if tau is above, nine pairs in ten")
    agreeing_tau: Tau = knob("another: one ranking stands in for the other if tau is above, three pairs in four")
    datasets: Count = knob("a claim holds across data sets and networks from so many on")
    networks: Count


class Statistics(Section):
    level: Share = knob("of the intervals")
    resamples: Many = knob("of the photos, for each interval")


class Paper(Section):
    datasets: list[Name] = Field(min_length=1)
    classifiers: list[Name] = Field(min_length=1)
    settings: dict[str, Any] = knob("key to value; the counts of the methods' papers")


class Parameters(Section):
    datasets: list[Name] = knob(f"sample: 24 photos; also {', '.join(sorted({*DATASETS} - {'sample'}))}", min_length=1)
    classifiers: list[Name] = knob("also any classifier of torchvision, or of timm with weights.files", min_length=1)
    seed: Seed = knob("of every random choice")
    download: Download
    weights: Weights
    engine: Engine = knob("where batches of photos are computed; it changes no byte (docs/cluster.md)")
    activations: Activations
    superpixels: Superpixels
    method: Method
    ablation: Ablation
    classes: Classes
    saliency: Saliency
    convergence: Convergence = knob("of maps by a method with a count above, and of areas under relevance curves")
    localization: Localization
    semantics: Semantics
    relevance: Relevance
    claims: Claims = knob("the tests are in nas.claims")
    statistics: Statistics
    paper: Paper = knob("what `make paper` sets in place of the values above")

    def resampling(self, resamples: int | None = None) -> Resampling:
        """Of the intervals; of so many resamples in place of those for all."""
        return Resampling(self.statistics.level, resamples or self.statistics.resamples, self.seed)


def read(path: Path = PARAMS, *, architectures: bool = True) -> Parameters:
    """Read and check params.yaml.

    Parameters: `architectures`, whether the names of networks are looked up, for which torch is imported.

    Raises ValueError where it cannot be read, ParametersError with a line for each mistake: the key, what was found and
    what is allowed.
    """
    return check(load(path), str(path), architectures=architectures)


def check(content: dict[str, Any], where: str, *, architectures: bool = True) -> Parameters:
    """Check the content of params.yaml; `where` it is from begins the lines of an error, see `read`."""
    check_names(content, shipped.RENAMED, where)
    return checked(Parameters, content, where, architectures=architectures)


def run(stage: Callable[..., None], *arguments: str, item: Callable[[Parameters], Sequence[str]] | None = None) -> None:
    """Run a stage with arguments, or what `item` finds, see `run_program`; params.yaml gets its one form first."""

    def tidied() -> Parameters:
        content = load(PARAMS)
        parameters = check(content, str(PARAMS), architectures=stage.__module__.rpartition(".")[2] in FIRST)
        tidy(PARAMS, validate(Parameters, content, str(PARAMS)), HEADER)
        return parameters

    def placed(parameters: Parameters, *given: str) -> None:
        with elsewhere(parameters.engine.place()):
            stage(parameters, *given)

    run_program(tidied, placed, item or arguments, TIMINGS)
