"""Random two-action arms of every awkward kind, shared by the index tests."""

import numpy as np
import pytest


def _dense(rng, n):
    return rng.dirichlet(np.ones(n), (2, n)), rng.normal(size=(2, n))


def _sparse(rng, n):
    p = np.zeros((2, n, n))
    for a, s in np.ndindex(2, n):
        targets = rng.choice(n, min(n, int(rng.integers(1, 3))), replace=False)
        p[a, s, targets] = rng.integers(1, 4, len(targets))
    return p / p.sum(axis=-1, keepdims=True), rng.integers(-2, 3, (2, n)).astype(float)


def _near_duplicate(rng, n):
    p, r = _dense(rng, n)
    p[:, 1] = p[:, 0] + 1e-9 * rng.random((2, n))
    r[:, 1] = r[:, 0]
    return p / p.sum(axis=-1, keepdims=True), r


def _periodic(rng, n):
    p = np.zeros((2, n, n))
    p[0, np.arange(n), (np.arange(n) + 1) % n] = 1
    p[1, np.arange(n), (np.arange(n) + n - 1) % n] = 1
    return p, rng.integers(-2, 3, (2, n)).astype(float)


def _deterministic(rng, n):
    return np.eye(n)[rng.integers(0, n, (2, n))], rng.normal(size=(2, n))


def _absorbing(rng, n):
    p, r = _dense(rng, n)
    p[:, 0] = np.eye(n)[0]
    return p, r


def _two_classes(rng, n):
    half = max(1, n // 2)
    p = np.zeros((2, n, n))
    p[0, :half, :half] = rng.dirichlet(np.ones(half), half)
    p[0, half:, half:] = rng.dirichlet(np.ones(n - half), n - half)
    p[1] = rng.dirichlet(np.ones(n), n)
    return p, rng.normal(size=(2, n))


KINDS = (_dense, _sparse, _near_duplicate, _periodic, _deterministic, _absorbing, _two_classes)
DISCOUNTS = (0.5, 0.9, 0.99, 0.999, 1.0)


@pytest.fixture
def draw_arm():
    """``draw_arm(rng, largest)`` gives transitions, rewards and a discount; 1 stands for the average criterion."""

    def draw(rng, largest):
        kind = KINDS[int(rng.integers(len(KINDS)))]
        p, r = kind(rng, int(rng.integers(2, largest + 1)))
        return p, r, float(rng.choice(DISCOUNTS))

    return draw
