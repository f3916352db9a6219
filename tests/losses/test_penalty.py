"""What leaving a range costs."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.losses import Size
from pointillist.losses.penalty import LogBarrier, Quadratic, off_range, root
from pointillist.losses.reduction import known_mean


def psi(z: float, t: float) -> float:
    """The log-barrier extension as it is printed."""
    if z <= -1 / t**2:
        return -math.log(-z) / t
    return t * z - math.log(1 / t**2) / t + 1 / t


@given(z=st.floats(-1, 3), t=st.floats(1.01, 50))
def test_the_barrier_equals_its_formula(z: float, t: float) -> None:
    ours = LogBarrier(sharpness=t)(torch.tensor(z, dtype=torch.float64))
    assert ours.item() == pytest.approx(psi(z, t), rel=1e-9, abs=1e-9)


def test_slack_beyond_a_whole_costs_nothing() -> None:
    for penalty in (Quadratic(), LogBarrier()):
        z = torch.tensor([-1.0, -2.0, -1e30, -torch.inf], requires_grad=True)
        costs = penalty(z)
        assert not costs.any()
        (slope,) = torch.autograd.grad(costs.sum(), z)
        assert not slope[1:].any()


@given(z=st.floats(-1.5, 1.5), more=st.floats(0.01, 1))
def test_a_larger_excess_never_costs_less(z: float, more: float) -> None:
    for penalty in (Quadratic(), LogBarrier(), LogBarrier(sharpness=1.0)):
        less, greater = penalty(torch.tensor([z, z + more]))
        assert 0 <= less <= greater


def test_a_bound_that_nothing_can_break_is_no_knowledge() -> None:
    """Nearly at 0 and at the most, a barrier would cost most."""
    value = torch.tensor([0.001, 0.999])
    low, high = torch.tensor([0.0, -torch.inf]), torch.tensor([torch.inf, 1.0])
    costs, known = off_range(LogBarrier(), value, low, high, most=1.0)
    assert not costs.any()
    assert not known.any()


def test_one_known_bound_is_enough() -> None:
    costs, known = off_range(
        Quadratic(),
        torch.tensor([0.5, 0.5]),
        low=torch.tensor([0.75, 0.0]),
        high=torch.tensor([torch.inf, 0.25]),
        most=1.0,
    )
    assert known.all()
    assert costs.tolist() == [0.0625, 0.0625]
    assert known_mean(costs, torch.tensor([True, False])) == 0.0625


def test_the_root_of_nothing_has_a_finite_slope() -> None:
    area = torch.zeros(1, requires_grad=True)
    (slope,) = torch.autograd.grad(root(area).sum(), area)
    assert slope.isfinite().all()


def test_settings_name_the_penalty() -> None:
    loss = validated(Size, {"penalty": {"kind": "log-barrier", "sharpness": 10}})
    assert loss.penalty == LogBarrier(sharpness=10)
    with pytest.raises(InputError, match="sharpness"):
        validated(Size, {"penalty": {"kind": "log-barrier", "sharpness": 0.5}})
    with pytest.raises(InputError, match="penalty"):
        validated(Size, {"penalty": {"kind": "cubic"}})
