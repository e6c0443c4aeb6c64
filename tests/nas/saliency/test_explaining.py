"""What holds for every method of the table."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nas.networks.classifier import Classifier
from nas.saliency.explaining import explain
from nas.saliency.methods import METHODS

QUICK = {
    "integrated_gradients": {"n_steps": 4},
    "smoothgrad": {"n_samples": 4},
    "rise": {"n_masks": 12},
    "lime": {"n_samples": 20},
    "kernel_shap": {"n_samples": 40},
    "xrai": {"n_steps": 2, "min_size": 20},
}
SEEDED = [name for name, method in METHODS.items() if "seed" in method.defaults]


def settings(name: str, regions: Tensor) -> dict[str, Any]:
    return {**QUICK.get(name, {}), **({"regions": regions} if METHODS[name].needs_regions else {})}


@pytest.mark.parametrize("name", METHODS)
def test_a_map_depends_neither_on_the_other_images_nor_on_the_batch_size(
    name: str, small: Classifier, images: Tensor, labels: Tensor, regions: Tensor
) -> None:
    together = explain(small, images, labels, name, batch_size=5, **settings(name, regions))
    assert together.shape == (3, 32, 32)
    assert together.dtype == torch.float32
    assert together.isfinite().all()
    for batch_size, order in ((1, [2]), (7, [1, 0])):
        some = explain(
            small, images[order], labels[order], name, batch_size=batch_size, **settings(name, regions[order])
        )
        torch.testing.assert_close(some, together[order], rtol=1e-3, atol=1e-4 * float(together.abs().max()))


@pytest.mark.parametrize("name", METHODS)
def test_the_sign_is_as_the_table_says(
    name: str, small: Classifier, images: Tensor, labels: Tensor, regions: Tensor
) -> None:
    maps = explain(small, images, labels, name, **settings(name, regions))
    assert maps.std(dim=(1, 2)).max() > 0
    if not METHODS[name].signed:
        assert maps.min() >= 0


@pytest.mark.parametrize("name", METHODS)
def test_the_classifier_and_the_inputs_are_left_as_they_were(
    name: str, small: Classifier, images: Tensor, labels: Tensor, regions: Tensor
) -> None:
    def state() -> list[Any]:
        layers = [
            (
                *(type(layer), layer.training, layer.__dict__.get("inplace")),
                *(len(layer._forward_hooks), len(layer._forward_pre_hooks)),
                *(len(layer._backward_hooks), len(layer._backward_pre_hooks)),
            )
            for layer in small.module.modules()
        ]
        return layers + [(p.requires_grad, p.grad, p._version) for p in small.module.parameters()]

    weights = {key: value.clone() for key, value in small.module.state_dict().items()}
    inputs = images.clone()
    before, logits, random = state(), small.logits(images), torch.get_rng_state()
    explain(small, images, labels, name, **settings(name, regions))
    assert state() == before
    assert all(value.equal(weights[key]) for key, value in small.module.state_dict().items())
    assert small.logits(images).equal(logits)
    assert images.equal(inputs)
    assert not images.requires_grad
    assert torch.get_rng_state().equal(random)


@pytest.mark.parametrize("name", SEEDED)
def test_the_seed_decides_the_draw(
    name: str, small: Classifier, images: Tensor, labels: Tensor, regions: Tensor
) -> None:
    # sixteen regions, or KernelSHAP scores every coalition and draws none
    x, target, chosen = images[2:], labels[2:], settings(name, regions[2:])
    first, again, other = (explain(small, x, target, name, seed=seed, **chosen) for seed in (1, 1, 2))
    assert first.equal(again)
    assert not first.allclose(other)


@pytest.mark.parametrize("name", ["gradient", "grad_cam", "lrp", "integrated_gradients"])
def test_gradients_are_on_whatever_the_caller_does(
    name: str, small: Classifier, images: Tensor, labels: Tensor, regions: Tensor
) -> None:
    usual = explain(small, images, labels, name, **settings(name, regions))
    with torch.inference_mode():
        inference = explain(small, images + 0, labels + 0, name, **settings(name, regions))
    torch.testing.assert_close(inference, usual)
    assert not usual.requires_grad


@pytest.mark.parametrize("name", ["grad_cam", "cam"])
def test_activation_maps_are_enlarged_bilinear_unless_told_otherwise(
    name: str, small: Classifier, images: Tensor, labels: Tensor
) -> None:
    raw = explain(small, images, labels, name, upsample=False)
    assert raw.shape == (3, 8, 8)
    enlarged = nn.functional.interpolate(raw[:, None], size=(32, 32), mode="bilinear")[:, 0]
    torch.testing.assert_close(explain(small, images, labels, name), enlarged)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"method": "gradcam"}, "method 'gradcam' is unknown: give one of gradient, .* sobel"),
        ({"method": "rise", "masks": 3}, "rise has no parameter 'masks': allowed are n_masks, grid"),
        ({"method": "gradient", "seed": 3}, "gradient has no parameter 'seed': it takes none"),
        ({"method": "gradient", "upsample": False}, "upsample is False, but gradient makes maps of the size"),
        ({"method": "rise", "n_masks": 0}, "n_masks of rise is 0; give a whole number above 0, such as 1000"),
        ({"method": "rise", "keep": True}, "keep of rise is True; give a number above 0 and at most 1"),
        ({"method": "rise", "keep": 1.5}, "keep of rise is 1.5; give a number above 0 and at most 1, such as 0.5"),
        ({"method": "rise", "n_masks": "many"}, "n_masks of rise is 'many'; give a whole number above 0"),
        ({"method": "grad_cam", "relu": 1}, "relu of grad_cam is 1; give True or False, such as True"),
        ({"method": "rise", "seed": -1}, "seed of rise is -1; give a whole number of 0 or more, such as 0"),
        ({"method": "rise", "output": "loss"}, "output is 'loss'; give one of probability, logit"),
        ({"method": "xrai", "scales": ()}, "scales of xrai is .*; give numbers above 0, such as"),
        ({"method": "lrp", "composite": "z"}, "composite is 'z'; give one of epsilon_plus_flat, "),
        ({"method": "integrated_gradients", "baseline": "grey"}, "baseline is 'grey'; give one of black, white"),
        ({"method": "lime"}, "lime needs regions: give a region map"),
        ({"method": "lime", "regions": torch.zeros(3, 16, 32, dtype=torch.int64)}, r"regions has shape \(3, 16, 32\)"),
        ({"method": "lime", "regions": 2 * torch.ones(3, 32, 32).long()}, "regions has 1 different ids between 2"),
        ({"target": torch.tensor([3, 8, 4])}, "target holds 8, but 'own' has classes 0 to 7"),
        ({"target": torch.tensor([3, 4])}, r"target has shape \(2,\) .* each of the 3 images"),
        ({"x": torch.zeros(3, 32, 32)}, r"x has shape \(3, 32, 32\) .*; give float images \(B, 3, H, W\)"),
        ({"batch_size": 0}, "batch_size is 0; give a whole number of images, 1 or more"),
    ],
)
def test_bad_input_is_refused_in_one_clear_line(
    given: dict[str, Any], message: str, small: Classifier, images: Tensor, labels: Tensor
) -> None:
    with pytest.raises(ValueError, match=message) as error:
        explain(small, **{"x": images, "target": labels, **given})
    assert "\n" not in str(error.value)


def test_a_classifier_in_training_mode_is_refused(wrap: Callable[..., Classifier]) -> None:
    classifier = wrap(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), 4)
    classifier.module.train()
    with pytest.raises(ValueError, match=r"training mode; call classifier.module.eval"):
        explain(classifier, torch.zeros(1, 3, 4, 4), torch.tensor([0]), "gradient")
