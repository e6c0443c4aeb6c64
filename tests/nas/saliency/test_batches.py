import torch
from hypothesis import given
from hypothesis import strategies as st

from nas.saliency.batches import batches


@given(n=st.integers(1, 20), batch_size=st.integers(1, 25))
def test_slices_are_in_order_aligned_and_no_larger_than_asked(n: int, batch_size: int) -> None:
    a, b = torch.arange(n), torch.arange(2 * n).reshape(n, 2)
    found = list(batches(batch_size, a, b))
    assert len(found) == -(-n // batch_size)
    assert all(len(one) == len(other) == batch_size for one, other in found[:-1])
    assert torch.cat([one for one, _ in found]).equal(a) and torch.cat([other for _, other in found]).equal(b)
