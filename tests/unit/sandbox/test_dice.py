"""Seeded chance."""

from statistics import mean, pstdev

import pytest

from sync_worker.sandbox.dice import LogNormal, seeded, share


def test_the_mean_of_the_draws_is_the_arithmetic_mean() -> None:
    """As mu = ln(mean) - sigma^2 / 2 makes it."""
    dice, law = seeded("test", 1), LogNormal(mean=0.08, sigma=0.5)
    draws = [law.draw(dice) for _ in range(40_000)]
    assert mean(draws) == pytest.approx(0.08, rel=0.02)
    assert pstdev(draws) == pytest.approx(0.08 * (2.718281828**0.25 - 1) ** 0.5, rel=0.05)


def test_a_mean_of_zero_draws_zeros() -> None:
    """No server time means none at all."""
    assert LogNormal(mean=0.0, sigma=0.5).draw(seeded(1)) == 0.0


def test_without_spread_every_draw_is_the_mean() -> None:
    """Sigma 0 is a constant."""
    assert LogNormal(mean=0.06, sigma=0.0).draw(seeded(1)) == pytest.approx(0.06)


def test_shares_are_even_and_repeatable() -> None:
    """A quarter of all ids lies below 0.25, always the same quarter."""
    below = [i for i in range(20_000) if share("x", 1, i) < 0.25]
    assert len(below) == pytest.approx(5000, rel=0.05)
    assert below[:50] == [i for i in range(below[49] + 1) if share("x", 1, i) < 0.25]
    assert share("x", 1, 7) != share("x", 2, 7)


def test_the_same_parts_give_the_same_numbers() -> None:
    """And others give others."""
    assert seeded("a", 1).random() == seeded("a", 1).random() != seeded("a", 2).random()
