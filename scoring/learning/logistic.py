"""A small logistic regression with ridge, fitted by Newton's method; plain Python, the same answer every time.

Rows are sparse: (column, value) pairs, zeros left out. An unpenalised intercept is added here. Columns are
scaled by their spread for the penalty alone, so that a count and a mark are shrunk alike. Leadflow's data sets
are thousands of rows by some dozens of columns, which this fits in seconds (figures in docs/scoring.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, log1p, sqrt

Row = Sequence[tuple[int, float]]
STEPS = 25
CLOSE = 1e-6
RIDGE = 1.0


class NotFitted(ValueError):
    """There is nothing to learn from: no rows, or all of one kind."""


@dataclass(frozen=True)
class Model:
    """A fitted model. `errors` are the standard errors of the coefficients, of the intercept last."""

    intercept: float
    coefficients: tuple[float, ...]
    errors: tuple[float, ...]

    def probability(self, row: Row) -> float:
        """Return the probability of the outcome for a row."""
        return _sigmoid(self.log_odds(row))

    def log_odds(self, row: Row) -> float:
        return self.intercept + sum(self.coefficients[column] * value for column, value in row)


def fit(rows: Sequence[Row], outcomes: Sequence[bool], columns: int, *, ridge: float = RIDGE) -> Model:
    """Fit a model to rows and their outcomes. Raises NotFitted where all outcomes are one."""
    if not 0 < sum(outcomes) < len(outcomes):
        raise NotFitted("All outcomes are the same.")
    penalty = [ridge * max(spread, 1e-9) for spread in _variances(rows, columns)] + [0.0]
    weights = [0.0] * columns + [log(sum(outcomes) / (len(outcomes) - sum(outcomes)))]
    full = [[*row, (columns, 1.0)] for row in rows]
    worth = _worth(full, outcomes, weights, penalty)
    for _ in range(STEPS):
        gradient, hessian = _derivatives(full, outcomes, weights, penalty)
        step = solve(factor(hessian), gradient)
        weights, gained = _improved(full, outcomes, weights, step, penalty, worth)
        worth += gained
        if gained < CLOSE * abs(worth):
            break
    _, hessian = _derivatives(full, outcomes, weights, penalty)
    return Model(weights[-1], tuple(weights[:-1]), tuple(_errors(factor(hessian))))


def _improved(
    rows: Sequence[Row], outcomes: Sequence[bool], weights: list[float], step: list[float],
    penalty: list[float], worth: float,
) -> tuple[list[float], float]:  # fmt: skip
    """Take the step, halved until it does not make things worse."""
    size = 1.0
    while size > 1e-4:
        moved = [weight + size * change for weight, change in zip(weights, step, strict=True)]
        gained = _worth(rows, outcomes, moved, penalty) - worth
        if gained >= 0:
            return moved, gained
        size /= 2
    return weights, 0.0


def _worth(
    rows: Sequence[Row], outcomes: Sequence[bool], weights: list[float], penalty: list[float]
) -> float:
    """Return the penalised log-likelihood."""
    total = -0.5 * sum(p * w * w for p, w in zip(penalty, weights, strict=True))
    for row, outcome in zip(rows, outcomes, strict=True):
        odds = sum([weights[column] * value for column, value in row])
        signed = odds if outcome else -odds
        total -= log1p(exp(-signed)) if signed > -35 else -signed
    return total


def _derivatives(
    rows: Sequence[Row], outcomes: Sequence[bool], weights: list[float], penalty: list[float]
) -> tuple[list[float], list[list[float]]]:
    """Return the gradient and the lower half of the negative Hessian of the penalised log-likelihood."""
    size = len(weights)
    gradient = [-p * w for p, w in zip(penalty, weights, strict=True)]
    hessian = [[0.0] * (index + 1) for index in range(size)]
    for index in range(size):
        hessian[index][index] = penalty[index]
    for row, outcome in zip(rows, outcomes, strict=True):
        probability = _sigmoid(sum([weights[column] * value for column, value in row]))
        residual, curve = outcome - probability, probability * (1 - probability)
        seen: list[tuple[int, float]] = []
        for column, value in row:  # columns rise within a row, so `seen` fills the lower half
            gradient[column] += residual * value
            seen.append((column, value))
            line, scaled = hessian[column], curve * value
            for other, second in seen:
                line[other] += scaled * second
    return gradient, hessian


def _variances(rows: Sequence[Row], columns: int) -> list[float]:
    sums, squares = [0.0] * columns, [0.0] * columns
    for row in rows:
        for column, value in row:
            sums[column] += value
            squares[column] += value * value
    count = len(rows)
    return [square / count - (total / count) ** 2 for total, square in zip(sums, squares, strict=True)]


def factor(matrix: list[list[float]]) -> list[list[float]]:
    """Return the Cholesky factor of a positive definite matrix given by its lower half."""
    size = len(matrix)
    lower = [[0.0] * (index + 1) for index in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum([lower[i][k] * lower[j][k] for k in range(j)])
            lower[i][j] = sqrt(max(rest, 1e-12)) if i == j else rest / lower[j][j]
    return lower


def solve(lower: list[list[float]], target: Sequence[float]) -> list[float]:
    """Return x where L·Lᵀ·x = target."""
    size = len(lower)
    found = list(target)
    for i in range(size):
        found[i] = (found[i] - sum([lower[i][k] * found[k] for k in range(i)])) / lower[i][i]
    for i in reversed(range(size)):
        found[i] = (found[i] - sum([lower[k][i] * found[k] for k in range(i + 1, size)])) / lower[i][i]
    return found


def _errors(lower: list[list[float]]) -> list[float]:
    size = len(lower)
    return [
        sqrt(max(solve(lower, [float(row == index) for row in range(size)])[index], 0.0))
        for index in range(size)
    ]


def _sigmoid(odds: float) -> float:
    if odds >= 0:
        return 1 / (1 + exp(-odds))
    power = exp(max(odds, -700))
    return power / (1 + power)
