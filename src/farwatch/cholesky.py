"""Cholesky factors of small matrices, in place: what filter, smoother, hypotheses and registration solve with."""

from __future__ import annotations

import math

from farwatch.kernels import leaf


@leaf
def factorise(A, n, share, least):  # type: ignore[no-untyped-def]
    """Replace the lower triangle of a symmetric matrix (n, n) by its factor L, A = L L'; False where it has none.

    A pivot below `share` of its diagonal or below `least` counts as that; with both 0 A must be positive definite.
    """
    for a in range(n):
        floor = max(share * A[a, a], least)
        for b in range(a + 1):
            value = A[a, b]
            for k in range(b):
                value -= A[a, k] * A[b, k]
            if a > b:
                A[a, b] = value / A[b, b]
                continue
            if value < floor:
                value = floor
            if not value > 0.0:
                return False
            A[a, a] = math.sqrt(value)
    return True


@leaf
def solve_lower(L, n, v):  # type: ignore[no-untyped-def]
    """v (n,) becomes L^-1 v."""
    for a in range(n):
        for k in range(a):
            v[a] -= L[a, k] * v[k]
        v[a] /= L[a, a]


@leaf
def solve(L, n, v):  # type: ignore[no-untyped-def]
    """v (n,) becomes (L L')^-1 v."""
    solve_lower(L, n, v)
    for a in range(n - 1, -1, -1):
        for k in range(a + 1, n):
            v[a] -= L[k, a] * v[k]
        v[a] /= L[a, a]
