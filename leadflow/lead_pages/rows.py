"""The rows of a queue as HTML. Written in Python: as a template, fifty of them took half of the page's time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from leadflow.charts import sparkline
from leadflow.formatting import NOTHING, signed, thousands
from leadflow.templatetags.leadflow import score_chip, when
from leads.models import Lead

LONGEST, LONGEST_REMARK = 30, 160  # letters; the lead's own page has all of them
LOUD = 10  # momentum from which on it is coloured
_ANY = 987654321

_ROW = """<tr role="row" data-row>{check}\
<th role="rowheader" scope="row" class="cell-person"><span class="person"><a href="{url}?{query}" dir="auto">{name}</a>\
<span class="muted clip" dir="auto">{title}</span></span></th>\
<td role="cell" class="cell-low cell-two"><span class="clip" dir="auto">{company}</span>\
<span>{size}</span></td>\
<td role="cell" class="cell-score">{score}</td>\
<td role="cell" class="cell-trend"><span class="trend">{spark}{delta}</span></td>\
<td role="cell" class="cell-signal cell-two"><span class="clip">{signal}</span>{seen}</td>\
<td role="cell" class="cell-need" data-label="{remark_title}:"><span class="clip need">{remark}</span></td>{owner}\
<td role="cell" class="cell-aside">{source}</td></tr>
"""
_CHECK = """\
<td role="cell" class="cell-check"><label class="check-hit"><input class="check" type="checkbox" name="lead" \
value="{}" aria-label="Select {}" data-select-row></label></td>"""
_OWNER = """\
<td role="cell" class="cell-aside">{}</td>"""
_SPARK = """<svg class="spark" viewBox="0 0 64 22" aria-hidden="true"><path d="{}"/><path class="last" d="{}"/></svg>"""
_DELTA = """<span class="delta" role="img" aria-label="momentum {}"{}>{} {}</span>"""


@dataclass
class Row:
    """One line of the queue: the lead, its last fortnight of scores and the remark this queue calls for."""

    lead: Lead
    trend: list[int]
    remark: str


@dataclass
class Look:
    """What all rows of one page have in common."""

    query: str
    remark_title: str
    may_select: bool
    shows_owner: bool

    def __post_init__(self) -> None:
        # One look-up of the address for all rows.
        self.address = reverse("leads:lead_detail", args=[_ANY])

    def url(self, lead: Lead) -> str:
        """Return the address of the lead's page."""
        return self.address.replace(str(_ANY), str(lead.pk))


def rows_html(rows: Sequence[Row], look: Look) -> SafeString:
    """Return the rows of a page, in order."""
    return mark_safe("".join(_row(row, look) for row in rows))


def _row(row: Row, look: Look) -> SafeString:
    lead, url = row.lead, look.url(row.lead)
    name = _cut(lead.name)
    return format_html(
        _ROW,
        check=format_html(_CHECK, lead.pk, name) if look.may_select else "",
        url=url,
        query=look.query,
        name=name,
        title=_cut(lead.job_title) or "Title unknown",
        company=_cut(lead.company.name) if lead.company else NOTHING,
        size=f"{thousands(lead.employees)} people" if lead.employees else "",
        score=score_chip(lead, f"{url}#score"),
        spark=_spark(row.trend),
        delta=_delta(lead.momentum),
        signal=lead.last_signal.label if lead.last_signal else "None yet",
        seen=when(lead.last_seen_at) if lead.last_seen_at else "",
        remark_title=look.remark_title,
        remark=_cut(row.remark, LONGEST_REMARK) or NOTHING,
        owner=format_html(_OWNER, lead.owner.name if lead.owner else NOTHING) if look.shows_owner else "",
        source=_cut(lead.source) or NOTHING,
    )


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _spark(trend: Sequence[int]) -> SafeString:
    drawn = sparkline(trend)
    return format_html(_SPARK, drawn.path, drawn.last) if drawn.path else SafeString()


def _delta(momentum: int) -> SafeString:
    tone = ""
    if abs(momentum) >= LOUD:
        tone = mark_safe(' data-tone="good"' if momentum > 0 else ' data-tone="bad"')
    arrow = "↑" if momentum > 0 else "↓" if momentum < 0 else "→"
    return format_html(_DELTA, signed(momentum), tone, arrow, abs(momentum))
