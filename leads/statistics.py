"""The statistics every report uses, defined once so that all pages agree."""

from collections.abc import Sequence
from math import ceil, sqrt

# The 97.5 % point of the standard normal distribution: 95 % lies within ± this many standard errors.
_Z_95 = 1.959963984540054


def wilson(successes: int, total: int) -> tuple[float, float] | None:
    """Return the 95 % Wilson score interval for a share, as fractions; None where there is nothing to count.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the
    American Statistical Association 22 (1927). With p = successes / total, n = total and z = 1.96:

        (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n)

    Unlike p ± 1.96 standard errors it stays within 0…1 and is honest for small n and for 0 or n successes.
    """
    if total <= 0:
        return None
    share, z2 = successes / total, _Z_95**2
    centre = share + z2 / (2 * total)
    spread = _Z_95 * sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    scale = 1 + z2 / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def newcombe(part: int, whole: int, rest_part: int, rest_whole: int) -> tuple[float, float] | None:
    """Return the 95 % interval of the difference of two shares; None where a side has nothing to count.

    R. G. Newcombe, Statistics in Medicine 17 (1998), method 10, made of the Wilson intervals (l, u) of both:

        p − q − √((p − l)² + (u' − q)²)  …  p − q + √((u − p)² + (q − l')²)
    """
    ours, theirs = wilson(part, whole), wilson(rest_part, rest_whole)
    if ours is None or theirs is None:
        return None
    p, q = part / whole, rest_part / rest_whole
    down = sqrt((p - ours[0]) ** 2 + (theirs[1] - q) ** 2)
    up = sqrt((ours[1] - p) ** 2 + (q - theirs[0]) ** 2)
    return p - q - down, p - q + up


def median(values: Sequence[float]) -> float | None:
    """Return the middle value, or the mean of the two middle ones; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def p90(values: Sequence[float]) -> float | None:
    """Return the smallest value that at least nine in ten do not exceed (nearest rank); None of nothing."""
    if not values:
        return None
    return sorted(values)[ceil(0.9 * len(values)) - 1]
