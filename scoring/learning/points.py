"""From coefficients to points: whole numbers somebody can read, argue with and change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def whole_points(choices: Sequence[Mapping[str, float]], top: int) -> list[dict[str, int]]:
    """Return points for things of which one per choice holds, so that the best of each adds up to at most `top`.

    `choices` give log odds per option, such as {"size 1–49": -0.4, "size 50–500": 0.9}. The worst option of each
    choice is worth 0, so nothing is clipped at the bottom; one scale for all, so the order of leads is kept.
    """
    spans = [max(options.values()) - min(options.values()) for options in choices if options]
    scale = top / sum(spans) if sum(spans) > 0 else 0.0
    found = _rounded(choices, scale)
    while sum(max(options.values(), default=0) for options in found) > top:
        scale *= 0.99  # rounding went over the top
        found = _rounded(choices, scale)
    return found


def _rounded(choices: Sequence[Mapping[str, float]], scale: float) -> list[dict[str, int]]:
    return [
        {name: int(scale * (value - min(options.values())) + 0.5) for name, value in options.items()}
        for options in choices
    ]


def cuts(values: Sequence[float], parts: int) -> list[float]:
    """Return the bounds that cut values into parts about equally large; a value below the bound lies before it.

    A lowest value that many share, mostly 0, is a part of its own, and the others are cut among themselves.
    """
    ordered = sorted(values)
    lowest = ordered.count(ordered[0])
    rest = ordered[lowest:] if lowest * parts > len(ordered) else ordered
    if not rest:
        return []
    bounds = {rest[len(rest) * part // parts] for part in range(0 if rest is not ordered else 1, parts)}
    return sorted(bounds - {ordered[0]})
