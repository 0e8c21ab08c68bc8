"""Whether one lead qualifies, from plain data: rule sets, disqualifiers, cool-down and new engagement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from scoring.conditions import MqlFacts, RuleSetAnswer, ask
from scoring.rulebook import Rulebook


@dataclass(frozen=True)
class Verdict:
    """What the live rules say of one lead.

    `rule_sets` answers all of them in order; `promoted_by` is the first that holds and is not blocked.
    `blocks` says in words what stands in the way of every rule set, `soft_blocks` in that of those that are
    not a hand-raiser's. `needs_fit_check` is None where nothing is to be said about it.
    """

    rule_sets: tuple[RuleSetAnswer, ...]
    promoted_by: RuleSetAnswer | None
    wakes: bool
    needs_fit_check: bool | None
    blocks: tuple[str, ...]
    soft_blocks: tuple[str, ...]


def judge(facts: MqlFacts, definition: Rulebook) -> Verdict:
    """Ask every rule set and decide; the caller sees to stage and status."""
    answers = tuple(ask(rule_set, facts, definition) for rule_set in definition.mql)
    blocks, soft_blocks = tuple(_blocks(facts, definition)), tuple(_soft_blocks(facts, definition))
    promoted_by = next(
        (
            answer
            for answer in answers
            if answer.met and not blocks and (answer.rule_set.hand_raiser or not soft_blocks)
        ),
        None,
    )
    return Verdict(
        rule_sets=answers,
        promoted_by=promoted_by,
        wakes=_wakes(facts),
        needs_fit_check=False if promoted_by else _needs_fit_check(answers, facts),
        blocks=blocks,
        soft_blocks=soft_blocks,
    )


def cool_down_over(facts: MqlFacts, definition: Rulebook) -> bool:
    """Tell whether the time to leave a lead alone after its last cycle has passed."""
    ended_on = facts.boundary.cycle_ended_on if facts.boundary else None
    return ended_on is None or facts.day >= ended_on + timedelta(days=definition.cool_down_days)


def _blocks(facts: MqlFacts, definition: Rulebook) -> list[str]:
    found = []
    if by := facts.breakdown.disqualified_by:
        label = next((rule.label for rule in definition.disqualifiers if rule.id == by), by)
        found.append(f"disqualified: {label.lower()}")
    if facts.new_signal is None:
        found.append("new engagement since the last decision")
    return found


def _soft_blocks(facts: MqlFacts, definition: Rulebook) -> list[str]:
    if cool_down_over(facts, definition) or facts.boundary is None or facts.boundary.cycle_ended_on is None:
        return []
    over = facts.boundary.cycle_ended_on + timedelta(days=definition.cool_down_days)
    return [f"left alone until {over.day} {over:%b %Y} after the last decision"]


def _wakes(facts: MqlFacts) -> bool:
    in_nurture = facts.boundary is not None and facts.boundary.wake_signal is not None
    return in_nurture and facts.new_signal is not None


def _needs_fit_check(answers: tuple[RuleSetAnswer, ...], facts: MqlFacts) -> bool | None:
    """True where a hand was raised and only the fit or a disqualifier is against it; None: leave it as it is.

    Time alone never takes a lead from those to check.
    """
    hand_raisers = [answer for answer in answers if answer.rule_set.hand_raiser]
    if facts.new_signal is not None and any(_only_fit_is_missing(answer, facts) for answer in hand_raisers):
        return True
    fits = any(
        found.met for answer in hand_raisers for found in answer.answers if found.kind == "hand_raise_fit"
    )
    return False if fits and not facts.breakdown.disqualified_by else None


def _only_fit_is_missing(answer: RuleSetAnswer, facts: MqlFacts) -> bool:
    fit = all(found.met for found in answer.answers if found.kind == "hand_raise_fit")
    rest = all(found.met for found in answer.answers if found.kind != "hand_raise_fit")
    return rest and (not fit or bool(facts.breakdown.disqualified_by))
