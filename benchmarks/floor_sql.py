"""Scores by one hand-written statement, with the standard definition's figures written out.

Covers the signals that `benchmarks.dataset` makes; the result equals Leadflow's for every lead, which the rescore
section checks. Unlike Leadflow it knows no corrections, reads no definition and promotes nobody.
"""

from __future__ import annotations

from datetime import date

from benchmarks.dataset import signal_ids

COLUMNS = ("fit_score", "engagement_score", "score", "grade", "band", "momentum", "disqualified_by")


def _weights(half_life: int) -> str:
    values = (str(round(1000 * 0.5 ** (age / half_life))) for age in range(400))
    return f"('{{{','.join(values)}}}'::int[])[age + 1]"


def _line(signal: int, points: int, cap: int, half_life: int, window: int, units: str) -> str:
    worth = f"sum({units} * {_weights(half_life)}) FILTER (WHERE signal_id = {signal} AND age < {window})"
    total = f"({abs(points)} * coalesce({worth}, 0) + 500) / 1000"
    return f"least({cap}, {total})" if points > 0 else f"(0 - least({cap}, {total}))"


def _trend(lines: list[tuple[int, int, str]]) -> str:
    cases = " ".join(f"WHEN {signal} THEN {worth}" for signal, worth in _by_signal(lines).items())
    points = f"CASE signal_id {cases} END"
    return f"coalesce(sum(({points}) * CASE WHEN age < 14 THEN 1 ELSE -1 END) FILTER (WHERE age < 28), 0)"


def _by_signal(lines: list[tuple[int, int, str]]) -> dict[int, str]:
    found: dict[int, str] = {}
    for signal, points, units in lines:
        worth = f"{points} * {units}"
        found[signal] = f"{found[signal]} + {worth}" if signal in found else worth
    return found


def _sums() -> str:
    """SELECT per lead the engagement before clipping, and the momentum."""
    ids = signal_ids()
    by_day = "present"
    rules = {
        "opens": (ids["email_open"], 1, 3, 14, 60, by_day),
        "clicks": (ids["email_click"], 2, 6, 21, 90, "least(objects, 3)"),
        "visits": (ids["visit"], 1, 6, 14, 60, "least(objects, 5)"),
        "returns": (ids["visit"], 1, 5, 14, 60, by_day),
        "forms": (ids["form"], 14, 28, 45, 180, "least(objects, 1)"),
        "webinars": (ids["webinar"], 14, 28, 60, 270, "least(objects, 1)"),
        "pricing": (ids["pricing_page"], 12, 24, 21, 120, by_day),
        "demos": (ids["demo_request"], 30, 30, 30, 180, by_day),
        "left": (ids["unsubscribe"], -20, 20, 180, 400, by_day),
    }
    line = {name: _line(*rule) for name, rule in rules.items()}
    single = " + ".join(line[name] for name in ("forms", "webinars", "pricing", "demos", "left"))
    trend = _trend([(rule[0], rule[1], rule[5]) for rule in rules.values()])
    return f"""SELECT lead_id, {single} + least(8, {line["opens"]} + {line["clicks"]})
        + least(14, {line["visits"]} + {line["returns"]}) AS points, {trend} AS momentum"""


def _days(leads: str, day: date) -> str:
    """SELECT per lead, signal and age whether there was any, and how many objects were last seen then."""
    ids = signal_ids()
    daily = ", ".join(
        str(ids[s]) for s in ("email_open", "visit", "pricing_page", "demo_request", "unsubscribe")
    )
    objects = ", ".join(str(ids[s]) for s in ("email_click", "visit", "form", "webinar"))
    within = f"occurred_on > date '{day}' - 400 AND occurred_on <= date '{day}' AND known_on <= date '{day}'"
    return f"""SELECT lead_id, signal_id, date '{day}' - occurred_on AS age,
          max(present) AS present, sum(object)::int AS objects
        FROM (
          SELECT lead_id, signal_id, occurred_on, 1 AS present, 0 AS object
          FROM leads_engagementday WHERE signal_id IN ({daily}) AND {within} {leads}
          UNION ALL
          SELECT lead_id, signal_id, max(occurred_on), 0, 1
          FROM leads_engagementday WHERE signal_id IN ({objects}) AND {within} {leads}
          GROUP BY lead_id, signal_id, object_key
        ) AS counted GROUP BY lead_id, signal_id, occurred_on"""


FIT = """greatest(0, least(40,
      CASE WHEN employees BETWEEN 200 AND 5000 THEN 10 WHEN employees > 5000 THEN 6
           WHEN employees >= 50 THEN 4 ELSE 0 END
      + CASE WHEN lower(industry) IN ('logistics', 'retail', 'manufacturing', 'insurance', 'health', 'finance',
           'software', 'utilities', 'automotive', 'food') THEN 8 ELSE 0 END
      + CASE WHEN lower(role) IN ('data', 'it', 'operations', 'engineering') THEN 8
           WHEN lower(role) IN ('finance', 'marketing', 'product') THEN 4 ELSE 0 END
      + CASE WHEN lower(seniority) IN ('c_level', 'vp', 'director', 'head') THEN 8
           WHEN lower(seniority) IN ('manager', 'lead') THEN 5 ELSE 0 END
      + CASE WHEN lower(region) IN ('nordics', 'dach', 'benelux', 'uk_ireland', 'north_america') THEN 4 ELSE 0 END
      + CASE WHEN tech_stack ~* '(^|, )(snowflake|dbt|databricks|kafka|airflow)(,|$)' THEN 4 ELSE 0 END
      + CASE WHEN lower(data_maturity) IN ('growing', 'advanced') THEN 2 ELSE 0 END
      - CASE WHEN is_free_mail THEN 6 ELSE 0 END))"""


def rescore(day: date, version: int, leads: str = "") -> str:
    """Return the UPDATE of all leads, or of those in the SELECT `leads`, whose score differs."""
    of_days = f"AND lead_id IN ({leads})" if leads else ""
    of_leads = f"AND p.id IN ({leads})" if leads else ""
    old = ", ".join(f"l.{name}" for name in (*COLUMNS, "score_version"))
    new = ", ".join(f"n.{name}" for name in COLUMNS)
    return f"""
    UPDATE leads_lead AS l SET fit_score = n.fit_score, engagement_score = n.engagement_score, score = n.score,
      grade = n.grade, band = n.band, momentum = n.momentum, disqualified_by = n.disqualified_by,
      score_version = {version}, scored_on = date '{day}'
    FROM (
      SELECT id, fit AS fit_score, engagement AS engagement_score, fit + engagement AS score,
        CASE WHEN fit >= 30 THEN 'A' WHEN fit >= 20 THEN 'B' WHEN fit >= 10 THEN 'C' ELSE 'D' END AS grade,
        CASE WHEN engagement >= 40 THEN 4 WHEN engagement >= 25 THEN 3 WHEN engagement >= 10 THEN 2 ELSE 1 END
          AS band,
        momentum,
        CASE WHEN is_competitor THEN 'competitor' WHEN is_student THEN 'student' ELSE '' END AS disqualified_by
      FROM (
        SELECT p.id, p.is_competitor, p.is_student, {FIT} AS fit,
          greatest(0, least(60, coalesce(s.points, 0))) AS engagement, coalesce(s.momentum, 0) AS momentum
        FROM leads_lead AS p LEFT JOIN (
          {_sums()} FROM ({_days(of_days, day)}) AS d GROUP BY lead_id
        ) AS s ON s.lead_id = p.id
        WHERE p.merged_into_id IS NULL {of_leads}
      ) AS parts
    ) AS n
    WHERE l.id = n.id AND ({old}) IS DISTINCT FROM ({new}, {version})"""
