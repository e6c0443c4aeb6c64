"""Maps of nodes, and rewritten networks that are not used where they say something else."""

import pytest
import torch
from torch import nn

from nas.networks.classifier import Classifier
from nas.networks.descriptions import Network
from nas.networks.extraction import difference, maps_of_nodes, noise
from nas.networks.graphs import with_last_map
from nas.saliency.explaining import explain

SIDE = 12


class Lost(nn.Module):
    """Writes into a map and uses the map: what torch.fx takes for dead code."""

    def __init__(self):
        super().__init__()
        self.first, self.rest = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        y = self.first(x)
        y.relu_()
        return self.head(self.rest(y).mean((2, 3)))


class Summed(nn.Module):
    """Sums that mean what they say and nothing else."""

    def __init__(self, add):
        super().__init__()
        self.first, self.second, self.add = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), add
        self.relu, self.head = nn.ReLU(), nn.Linear(4, 2)

    def forward(self, x):
        x = self.relu(self.first(x))
        return self.head(self.add(x, self.second(x)).mean((2, 3)))


class InPart(nn.Module):
    """Writes into a part of a map, which a graph of values does not show."""

    def __init__(self):
        super().__init__()
        self.first, self.relu, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Linear(4, 2)

    def forward(self, x):
        y = self.relu(self.first(x))
        y[:, :2].mul_(10)
        return self.head(y.mean((2, 3)))


class View(nn.Module):
    """Writes into its last map by a view of it."""

    def __init__(self):
        super().__init__()
        self.first, self.relu = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True)
        self.head = nn.Linear(4 * SIDE**2, 2)

    def forward(self, x):
        return self.head(self.relu(self.first(x).flatten(1)))


class Twice(nn.Module):
    """Calls one layer at two places."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.relu = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.relu(self.second(self.relu(self.first(x)))).mean((2, 3)))


SUMS = {
    "a multiple": lambda x, y: torch.add(x, y, alpha=2),
    "a multiple by method": lambda x, y: x.add(y, alpha=-3),
    "written into one": lambda x, y: y.relu_() + y,
    "written into one by a function": lambda x, y: nn.functional.relu(y, inplace=True) - 2 * y,
    "of a map and a number for each channel": lambda x, y: x + y.mean((2, 3), keepdim=True),
    "of a map and a mask": lambda x, y: x + y.amax(1, keepdim=True),
    "with itself": lambda x, y: y + y,
    "in place": lambda x, y: y.add_(x),
    "with a number": lambda x, y: (x + y) + 1,
}


def classifier_of(module, node="first"):
    return Classifier("own", module, Network("torchvision", "own", depths={0: node}, size=SIDE, resize=SIDE))


def test_a_network_whose_graph_gives_other_maps_is_refused():
    torch.manual_seed(0)
    with pytest.raises(ValueError, match=r"^depths of 'own': node 'rest' is another map in the graph") as caught:
        classifier_of(Lost(), "rest")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("method", ["guided_backprop", "lrp", "grad_cam", "gradient"])
def test_maps_are_those_of_the_network_or_none(name, method):
    """A sum that rules know nothing of is refused in one line; all else is of the network itself."""
    torch.manual_seed(0)
    module = Summed(SUMS[name])
    classifier = classifier_of(module)
    x, target = torch.randn(2, 3, SIDE, SIDE), torch.tensor([0, 1])
    try:
        found = explain(classifier, x, target, method)
    except ValueError as error:
        assert method == "lrp" and "\n" not in str(error)
        return
    assert found.isfinite().all() and found.abs().max() > 0
    if method == "gradient":
        images = x.clone().requires_grad_()
        (expected,) = torch.autograd.grad(module(images).gather(1, target[:, None]).sum(), images)
        torch.testing.assert_close(found, expected.abs().amax(1))


@pytest.mark.parametrize("method", ["grad_cam", "cam", "lrp", "guided_backprop"])
def test_a_graph_that_says_something_else_is_not_used(method):
    torch.manual_seed(0)
    classifier = classifier_of(InPart())
    x, target = torch.randn(2, 3, SIDE, SIDE), torch.tensor([0, 1])
    with pytest.raises(ValueError, match="its logits would differ by up to") as caught:
        explain(classifier, x, target, method)
    assert "\n" not in str(caught.value)
    with torch.no_grad():
        torch.testing.assert_close(classifier.predictor(x), classifier.logits(x))


def test_the_last_map_is_as_it_was_before_a_view_of_it_was_written_to():
    torch.manual_seed(0)
    module, x = View(), torch.randn(2, 3, SIDE, SIDE)
    found, logits = with_last_map(module, SIDE)[0](x)
    torch.testing.assert_close(found, module.first(x))
    torch.testing.assert_close(logits, module(x))


def test_a_layer_that_is_called_twice_has_a_node_for_each_call():
    torch.manual_seed(0)
    module, x = Twice(), torch.randn(2, 3, SIDE, SIDE)
    first = module.first(x).relu()
    for node, expected in (("relu", first), ("relu_1", module.second(first).relu())):
        torch.testing.assert_close(classifier_of(module, node).activations(x)[0], expected)


def test_a_node_that_gives_no_map_is_refused():
    classifier = classifier_of(Twice(), "head")
    message = r"^depths of 'own': node 'head' of depth 0 gives values of shape \(1, 2\), no maps \(B, C, h, w\); name"
    with pytest.raises(ValueError, match=message):
        classifier.shapes()


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("secnod", r"node 'secnod' is none of its graph; did you mean second\?"),
        ("", r"node '' is none of its graph"),
    ],
)
def test_nodes_that_there_are_not_are_refused(node, message):
    with pytest.raises(ValueError, match=rf"^depths of 'own': {message}$"):
        classifier_of(Twice(), node)


@pytest.mark.parametrize("name", SUMS)
def test_the_predictor_says_what_the_network_says(name):
    torch.manual_seed(0)
    classifier = classifier_of(Summed(SUMS[name]))
    x = torch.randn(3, 3, SIDE, SIDE)
    with torch.no_grad():
        torch.testing.assert_close(classifier.predictor(x), classifier.logits(x), rtol=1e-4, atol=1e-5)


def test_a_network_that_cannot_be_folded_predicts_as_it_is_and_a_line_says_so(capsys, monkeypatch):
    torch.manual_seed(0)
    classifier = classifier_of(Summed(torch.add))
    monkeypatch.setattr("nas.networks.classifier.folded", lambda module: lambda x: module(x) + 1)
    x = torch.randn(1, 3, SIDE, SIDE)
    torch.testing.assert_close(classifier.predictor(x), classifier.logits(x))
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "own: is run as it is, without folding its batch normalizations: its logits would differ by up to 1"


def test_differences_beyond_rounding_are_said():
    x = torch.randn(4, 5)
    assert difference(lambda x: x * (1 + 1e-5), lambda x: x, x) == ""
    assert difference(lambda x: x + 0.5, lambda x: x, x) == "its logits would differ by up to 0.5"


def test_noise_is_the_same_each_time_and_fits_the_module():
    module = nn.Conv2d(3, 2, 1).double()
    found = noise(5, module)
    assert found.shape == (1, 3, 5, 5) and found.dtype == torch.float64 and torch.equal(found, noise(5, module))


def test_maps_share_the_layers_of_the_network():
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(2 * SIDE**2, 2)).eval()
    network = maps_of_nodes(module, ["0", "1"], SIDE)
    x = torch.randn(2, 3, SIDE, SIDE)
    with torch.no_grad():
        module[0].weight.mul_(3)
        found = network(x)
        torch.testing.assert_close(found["0"], nn.functional.conv2d(x, module[0].weight, module[0].bias))
        torch.testing.assert_close(found["1"], found["0"].relu())
