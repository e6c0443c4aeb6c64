"""Passes of a small network against its layers called one photo after the other."""

import numpy as np
import pytest
import torch

from nas.networks.forward import Forward, convert


def test_maps_are_those_of_the_network_whatever_the_batch(classifier, made):
    expected = made.plain(classifier.module, made.photos())
    for batch in (3, 4, 7):
        forward = Forward(batch)
        found = forward.maps(classifier, made.photos()) | {"logits": forward.logits(classifier, made.photos())}
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-6)
    alone = Forward(4).maps(classifier, made.photos(1))
    several = Forward(4).maps(classifier, made.photos())
    assert all(array[0].tobytes() == several[name][0].tobytes() for name, array in alone.items())


def test_arithmetic_is_what_is_asked_for(classifier, monkeypatch, made):
    kinds = []
    plain_activations = classifier.activations
    monkeypatch.setattr(classifier, "activations", lambda x: kinds.append(m := plain_activations(x)[2]) or {2: m})
    for arithmetic in ("float32", "bfloat16"):
        found = Forward(3, arithmetic).maps(classifier, made.photos())["depth2"]
        assert found.dtype == np.float32
    assert [kind.dtype for kind in kinds] == [torch.float32, torch.bfloat16]
    assert Forward(3, "bfloat16").logits(classifier, made.photos()).dtype == np.float32
    with pytest.raises(ValueError, match=r"activations\.forward is 'float16', which needs a GPU"):
        Forward(3, "float16").maps(classifier, made.photos())


def test_a_pass_has_its_own_number_of_threads(classifier, monkeypatch, made):
    found, before = [], torch.get_num_threads()
    plain_logits = classifier.logits
    monkeypatch.setattr(classifier, "logits", lambda x: found.append(torch.get_num_threads()) or plain_logits(x))
    for threads in (1, 3):
        Forward(3, threads=threads).logits(classifier, made.photos(1))
        assert torch.get_num_threads() == before
    monkeypatch.setattr(classifier, "logits", lambda _x: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Forward(3, threads=before + 1).logits(classifier, made.photos(1))
    assert found == [1, 3] and torch.get_num_threads() == before


def test_values_that_half_precision_cannot_hold_are_refused():
    maps = torch.tensor([[1.0, -70000.0]])
    message = r"activations\.precision is 'float16': values up to 70000 do not fit; set float32"
    with pytest.raises(ValueError, match=message):
        convert(maps, "float16")
    assert convert(maps, "float32").tolist() == [[1.0, -70000.0]]
    assert convert(torch.tensor([65504.0, 1 / 3]), "float16").tolist() == [65504.0, float(np.float16(1 / 3))]
