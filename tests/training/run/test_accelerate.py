"""The forwards that are swapped on CPUs compute what the modules' own do."""

import copy

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.run.accelerate import accelerate  # noqa: E402


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "padding"),
    [(3, 2, 1, 1), (5, 1, 1, 2), (5, 2, 2, 4), (3, 1, 2, 2), (3, (1, 2), 1, 1), (7, 2, 1, 3)],
)
def test_depthwise_convolutions(kernel, stride, dilation, padding, bias):
    torch.manual_seed(kernel)
    plain = torch.nn.Conv2d(8, 8, kernel, stride, padding, dilation, groups=8, bias=bias)
    fast = accelerate(copy.deepcopy(plain))
    x = torch.randn(2, 8, 14, 14)
    found = []
    for module in (plain, fast):
        given = x.clone().requires_grad_()
        y = module(given)
        module.zero_grad()
        y.square().sum().backward()
        found.append((y, given.grad, *(value.grad for value in module.parameters())))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-4)


def test_slow_ones_leave_bfloat16():
    module = accelerate(torch.nn.Conv2d(8, 8, 3, 2, 1, groups=8))
    x = torch.randn(1, 8, 6, 6).to(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        y = module(x)
    exact = torch.nn.functional.conv2d(x.float(), module.weight, module.bias, 2, 1, 1, 8)
    assert y.dtype == torch.bfloat16
    assert torch.equal(y, exact.to(torch.bfloat16))
