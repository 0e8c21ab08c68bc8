"""What every template may use without `{% load %}`.

Tags: `{% icon "inbox" %}` · `{% stage lead.stage %}` (`chip=True`: tinted) · `{% score_chip lead url %}` ·
`{% stage_path lead.stage notes=notes labels=labels %}` · `{% clock deadline "accept" start=offered_at %}` and
`{% clock_done "Contacted in 22 min" %}`, `{% clock_stopped "Stopped until Mon 09:00" %}` ·
`{% sparkline values %}` · `{% field form.x %}` (attributes as keywords: `rows=3`, `placeholder="…"`) ·
`{% form_errors form %}` · `{% alert "warn" url link %}…{% endalert %}` ·
`{% empty_state "mql" "Title" %}…{% endempty_state %}`.

Filters: `when`, `duration`, `thousands`, `percent`, `signed`, `interval`, `initials`, `ordinal`, `pick`.

Fragments to include: `_pager.html`, `charts/_*.html`; see the head of each file for what it takes.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django import template
from django.forms import BaseForm, BoundField
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from handoff.models import QueueReason
from leadflow import charts, formatting
from leadflow.fields import field_context
from leadflow.organisation import current_organisation
from leadflow.toasts import undo_url
from leads.enums import Stage
from scoring.passes import under_way

register = template.Library()

for _filter in (
    formatting.thousands,
    formatting.percent,
    formatting.signed,
    formatting.interval,
    formatting.duration,
):
    register.filter(_filter.__name__, _filter)

register.filter(undo_url)

_TONE_ICONS = {"info": "info", "good": "okay", "warn": "clock", "bad": "warn"}


@register.filter
def initials(name: str | None) -> str:
    """Return up to two letters for an avatar."""
    return formatting.initials(name or "")


@register.filter
def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th …"""
    last = number % 10 if number % 100 not in (11, 12, 13) else 0
    return str(number) + {1: "st", 2: "nd", 3: "rd"}.get(last, "th")


@register.filter
def minutes(value: int) -> str:
    """Return minutes of work as "45 min" or "4 h 30 min"."""
    return formatting.working_duration(dt.timedelta(minutes=value))


@register.filter
def queue_reason(value: str) -> str:
    """Return why a lead waits in words, in the middle of a sentence."""
    label = str(QueueReason(value).label) if value in QueueReason.values else value
    return label[:1].lower() + label[1:]


@register.filter
def pick(mapping: Mapping[str, Any] | None, key: Any) -> Any:
    """Return `mapping[key]`, or an empty string; for keys that are data."""
    return (mapping or {}).get(key, "")


@register.filter
def when(value: dt.datetime | dt.date | str | None, now: dt.datetime | None = None) -> str:
    """Return a `<time>` that reads "Today 09:38", "Yesterday" or "10 Mar"; the full moment is its title.

    A text is read as an ISO day or moment, as frozen notes hold them.
    """
    if not value:
        return formatting.NOTHING
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value) if "T" in value else dt.date.fromisoformat(value)
    zone = timezone.get_current_timezone()
    # For show only: what is late is decided elsewhere, by the database's clock.
    now = now or timezone.now()
    if isinstance(value, dt.datetime):
        moment = value if timezone.is_aware(value) else timezone.make_aware(value, zone)
        text, title = formatting.moment_name(moment, now, zone), formatting.full_moment(moment, zone)
        return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), title, text)
    text = formatting.day_name(value, now.astimezone(zone).date())
    title = f"{value:%a} {value.day} {value:%b %Y}"
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), title, text)


@cache
def _sprite() -> str:
    return static("icons.svg")


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return an icon of `static/icons.svg`; screen readers skip it, so a word must stand beside it."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#i-{}"/></svg>', _sprite(), name)


def stage_label(value: str) -> str:
    """Return the organisation's word for a stage, else the usual one."""
    labels = current_organisation().stage_labels
    return str(labels.get(value) or (Stage(value).label if value in Stage.values else value))


@register.simple_tag
def stage(value: str, chip: bool = False, label: str = "") -> SafeString:
    """Return a stage as its filled track and its word."""
    classes = "stage stage-chip" if chip else "stage"
    return format_html(
        '<span class="{}" data-stage="{}">{}</span>', classes, value, label or stage_label(value)
    )


@register.simple_tag
def score_chip(lead: Any, url: str = "") -> SafeString:
    """Return fit letter, engagement bars and total of a lead, or of any mapping with the same names.

    A total set by hand is marked; the computed one stands in its label.
    """
    read = lead.get if isinstance(lead, Mapping) else lambda name: getattr(lead, name, None)
    grade, band, total = read("grade") or "D", read("band") or 1, read("score") or 0
    blocked = bool(read("disqualified_by"))
    by_hand = read("override_score")
    told = f"{total} of 100" if by_hand is None else f"{by_hand} of 100, set by hand (computed: {total})"
    label = f"Score {told}: fit grade {grade}, engagement band {band} of 4" + (", blocked" if blocked else "")
    opening = (
        format_html('<a class="score" href="{}"', url) if url else mark_safe('<span class="score" role="img"')
    )
    return format_html(
        '{} data-grade="{}" data-band="{}"{}{} aria-label="{}"><span class="score-grade">{}</span>'
        '<span class="score-band"></span><span class="score-total">{}</span></{}>',
        opening, grade, band, mark_safe(" data-blocked") if blocked else "",
        "" if by_hand is None else format_html(' data-by-hand title="Set by hand; computed: {}"', total),
        label, grade, total if by_hand is None else by_hand, "a" if url else "span",
    )  # fmt: skip


@register.inclusion_tag("_stage_path.html")
def stage_path(
    current: str, notes: Mapping[str, str] | None = None, labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Show the five steps up to and after `current`; `notes` and `labels` are keyed by stage."""
    last = current if current in (Stage.WON, Stage.LOST) else Stage.OPPORTUNITY
    values = [str(value) for value in (Stage.SUSPECT, Stage.LEAD, Stage.MQL, Stage.SQL, last)]
    here = values.index(current)
    steps = [
        {
            "stage": value,
            "label": (labels or {}).get(value) or stage_label(value),
            "note": (notes or {}).get(value, ""),
            "is_done": position < here,
            "is_current": position == here,
        }
        for position, value in enumerate(values)
    ]
    return {"steps": steps, "current": current}


@register.inclusion_tag("_clock.html")
def clock(
    deadline: dt.datetime | None,
    label: str = "",
    start: dt.datetime | None = None,
    now: dt.datetime | None = None,
    open: Sequence[Sequence[str]] = (),
) -> dict[str, Any]:
    """Show the time left until `deadline`: "38 min to accept", or "Accept 18 min late". Nothing for None.

    `open` holds the stretches of working time up to the deadline, as pairs of ISO moments: only those count.
    """
    if deadline is None:
        return {}
    now = now or timezone.now()
    is_late = deadline < now
    left = now - deadline if is_late else formatting.time_within(open, now, deadline)
    whole = (
        formatting.time_within(open, start, deadline) if start and start < deadline else dt.timedelta(hours=1)
    )
    whole = whole or dt.timedelta(hours=1)
    share = 0.0 if is_late else max(0.0, min(1.0, left / whole))
    is_soon = left <= dt.timedelta(hours=1) or (start is not None and share <= 0.25)
    length = formatting.working_duration(left) if open and not is_late else formatting.duration(left)
    return {
        "deadline": deadline.isoformat(),
        "start": start.isoformat() if start else "",
        "label": label,
        "open": " ".join("/".join(span) for span in open),
        "title": formatting.full_moment(deadline, timezone.get_current_timezone()),
        "ring": round(share * 100),
        "tone": "bad" if is_late else "warn" if is_soon else "",
        "text": f"{label} {length} late".strip().capitalize() if is_late else f"{length} to {label or 'go'}",
    }


@register.inclusion_tag("_clock.html")
def clock_done(text: str) -> dict[str, Any]:
    """Show a promise that was kept."""
    return {"text": text, "ring": 100, "tone": "good"}


@register.inclusion_tag("_clock.html")
def clock_stopped(text: str) -> dict[str, Any]:
    """Show a promise that waits, as over a weekend."""
    return {"text": text, "ring": 40, "tone": ""}


@register.inclusion_tag("scoring/_progress.html")
def rescoring() -> dict[str, Any]:
    """Say that a full pass is under way and how far it is, if one is; the page needs htmx to follow it."""
    return {"running": under_way()}


@register.inclusion_tag("charts/_sparkline.html")
def sparkline(values: Sequence[float]) -> dict[str, Any]:
    """Show the course of a few values; the figure beside it carries the meaning."""
    return {"spark": charts.sparkline(values)}


@register.inclusion_tag("_field.html")
def field(bound: BoundField, **attrs: Any) -> dict[str, Any]:
    """Show one form field: label, control, hint, error; what was typed stays."""
    return field_context(bound, attrs)


@register.inclusion_tag("_form_errors.html")
def form_errors(form: BaseForm) -> dict[str, Any]:
    """Show what is wrong with the form as a whole."""
    return {"errors": form.non_field_errors()}


@register.simple_block_tag
def alert(content: str, tone: str = "info", url: str = "", link: str = "") -> SafeString:
    """Show page news in one sentence, with at most one link."""
    anchor = format_html('<a href="{}">{}</a>', url, link) if url else ""
    return format_html(
        '<div class="alert" data-tone="{}">{}<span>{}</span>{}</div>',
        tone,
        icon(_TONE_ICONS[tone]),
        content,
        anchor,
    )


@register.simple_block_tag
def empty_state(content: str, at_stage: str, title: str, small: bool = False) -> SafeString:
    """Say what is true, why, and what to do; `content` holds the sentence in a `<p>` and the buttons."""
    return format_html(
        '<section class="empty{}"><span class="track" data-stage="{}" aria-hidden="true"></span>'
        "<h2>{}</h2>{}</section>",
        " empty-sm" if small else "", at_stage, title, content,
    )  # fmt: skip
