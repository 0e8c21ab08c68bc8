"""Forms for calendars, promised times, absences and pauses."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils import timezone

from handoff.calendars import DAYS, public_holidays, read_days_off, read_week
from handoff.models import Absence, ClockTier, Rep, WorkCalendar
from leads.models import Organisation

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class CalendarForm(forms.ModelForm):
    days_off = forms.CharField(
        label="Days off", required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="A day and its name on each line: 2026-12-24 Christmas Eve. The default one holds for all.",
    )  # fmt: skip

    class Meta:
        model = WorkCalendar
        fields = ("name", "is_default", "time_zone", "country", "subdivision")
        labels = {
            "is_default": "For everybody without a calendar", "time_zone": "Time zone",
            "country": "Public holidays of", "subdivision": "State or region",
        }  # fmt: skip
        help_texts = {
            "time_zone": "For example Europe/Oslo or America/New_York.",
            "country": "Two letters: DE, NO, US. Empty for none.",
            "subdivision": "As the country writes it: BY for Bavaria, CA for California.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hours = self.instance.hours if self.instance.pk else {day: ["09:00-17:00"] for day in DAYS[:5]}
        for day, name in zip(DAYS, DAY_NAMES, strict=True):
            self.fields[day] = forms.CharField(
                label=name, required=False, max_length=100, initial=", ".join(hours.get(day, [])),
                help_text="For example 09:00-12:30, 13:00-17:00. Empty: nobody works." if day == "mon" else "",
            )  # fmt: skip
        off = sorted(self.instance.days_off.items())
        self.fields["days_off"].initial = "\n".join(f"{day} {name}" for day, name in off)
        self.order_fields(["name", "is_default", "time_zone", *DAYS, "country", "subdivision", "days_off"])

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"].strip()
        if zone not in available_timezones():
            raise forms.ValidationError(f"There is no time zone “{zone}”. Write one like Europe/Oslo.")
        return zone

    def clean_days_off(self) -> dict[str, str]:
        try:
            return read_days_off(self.cleaned_data["days_off"])
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from None

    def clean_is_default(self) -> bool:
        wanted: bool = self.cleaned_data["is_default"]
        other = WorkCalendar.objects.filter(is_default=True).exclude(pk=self.instance.pk).first()
        if wanted and other:
            raise forms.ValidationError(f"“{other}” is for everybody now. Take that away there first.")
        return wanted

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for name in ("country", "subdivision"):
            data[name] = data.get(name, "").strip().upper()
        try:
            public_holidays(data["country"], data["subdivision"])
        except KeyError:
            field = "subdivision" if data["subdivision"] else "country"
            self.add_error(field, "There are no public holidays known for this place. Check its letters.")
        try:
            self.instance.hours = read_week({day: data.get(day, "") for day in DAYS})
        except ValueError as problem:
            wrong = next(
                (day for day in DAYS if f"“{part(data, day)}" in str(problem) and part(data, day)), "mon"
            )
            self.add_error(wrong, str(problem))
        self.instance.days_off = data.get("days_off") or {}
        return data


def part(data: dict[str, Any], day: str) -> str:
    """Return what was typed for a day, up to its first comma."""
    return str(data.get(day, "")).partition(",")[0].strip()


class TierForm(forms.ModelForm):
    class Meta:
        model = ClockTier
        fields = (
            "name", "position", "hand_raisers_only", "min_score", "accept_minutes", "contact_minutes",
            "warn_percent", "escalate_percent", "reroute_minutes",
        )  # fmt: skip
        labels = {
            "position": "Place in the order", "hand_raisers_only": "Only those who asked for us",
            "min_score": "Score at least", "accept_minutes": "Minutes to accept",
            "contact_minutes": "Minutes to the first contact", "warn_percent": "Warn the rep after, in percent",
            "escalate_percent": "Tell the manager after, in percent",
            "reroute_minutes": "Minutes after a missed contact until somebody else gets it",
        }  # fmt: skip
        help_texts = {
            "position": "The first that fits a lead counts.",
            "accept_minutes": "Working minutes of the rep: 240 are half a day.",
            "reroute_minutes": "Empty leaves it to the manager.",
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for name in ("accept_minutes", "contact_minutes"):
            if data.get(name) is not None and not 1 <= data[name] <= 100_000:
                self.add_error(name, "Give 1 to 100,000 minutes.")
        if (data.get("reroute_minutes") or 0) > 100_000:
            self.add_error("reroute_minutes", "Give at most 100,000 minutes.")
        if (data.get("min_score") or 0) > 100:
            self.add_error("min_score", "A score is at most 100.")
        warn, escalate = data.get("warn_percent"), data.get("escalate_percent")
        if warn is not None and escalate is not None and not 1 <= warn <= escalate <= 99:
            self.add_error(
                "warn_percent", "Warn first, then tell the manager: 1 to 99 percent, in this order."
            )
        return data


class HoursForm(forms.ModelForm):
    """What the organisation promises where no promised time says otherwise, and when waiting becomes an alarm."""

    class Meta:
        model = Organisation
        fields = ("accept_hours", "hand_raise_accept_hours", "contact_hours", "age_alarm_hours")
        labels = {
            "accept_hours": "Hours to accept", "hand_raise_accept_hours": "Hours to accept who asked for us",
            "contact_hours": "Hours to the first contact",
            "age_alarm_hours": "Hours without a rep until the managers are told",
        }  # fmt: skip
        help_texts = {
            "accept_hours": "Working hours of the rep.",
            "age_alarm_hours": "By the calendar for everybody. 0 tells nobody.",
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for name in HoursForm.Meta.fields:
            least = 0 if name == "age_alarm_hours" else 1
            if data.get(name) is not None and not least <= data[name] <= 2000:
                self.add_error(name, f"Give {least} to 2,000 hours.")
        return data


def _day_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class AbsenceForm(forms.ModelForm):
    class Meta:
        model = Absence
        fields = ("starts_on", "back_on", "cover", "note")
        labels = {"starts_on": "First day away", "back_on": "Back on", "cover": "Covered by"}
        help_texts = {
            "cover": "Takes the leads that are yours by account or by name. The rest goes by rotation."
        }
        widgets = {"starts_on": _day_input(), "back_on": _day_input()}

    def __init__(self, *args: Any, rep: Rep, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.rep, self.today = rep, today
        team = Rep.objects.filter(user__team=rep.user.team, user__is_active=True).exclude(pk=rep.pk)
        self.fields["cover"].queryset = team.select_related("user")  # type: ignore[attr-defined]
        self.fields["cover"].empty_label = "Nobody"  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        start, back = data.get("starts_on"), data.get("back_on")
        if start and back and back <= start:
            self.add_error("back_on", "Being back comes after the first day away.")
        elif start and back and (back - start).days > 730:
            self.add_error("back_on", "That is more than two years. Give the seat to somebody else instead.")
        if back and back <= self.today:
            self.add_error("back_on", "That is over already. Pick a day after today.")
        return data


class PauseForm(forms.Form):
    reason = forms.CharField(label="Why", max_length=300, help_text="The rep reads it.")
    until = forms.DateTimeField(
        label="Until", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="The clock goes on by itself then, with what is left now.",
    )  # fmt: skip

    def clean_until(self) -> Any:
        until = self.cleaned_data["until"]
        return until if timezone.is_aware(until) else timezone.make_aware(until)
