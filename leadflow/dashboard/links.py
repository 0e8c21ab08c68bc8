"""Addresses of the lists behind the numbers."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from leadflow.dashboard.parameters import Parameters
from leadflow.dashboard.period import Period
from leadflow.formatting import thousands


@dataclass(frozen=True)
class Links:
    """Makes the links of one report; they name the days, so that tomorrow they still show the same leads."""

    asked: Parameters
    home: str = "dashboard:conversion"

    def to(self, of: str, period: Period | None = None, **more: str | int) -> str:
        """Return the address of the list of one measure, by default over the report's own period."""
        days = (period or self.asked.period).days_query()
        return f"{reverse('dashboard:leads_behind')}?{self._query(of=of, **days, **more)}"

    def count(self, number: int, of: str, period: Period | None = None, **more: str | int) -> SafeString:
        """Return a number that opens its leads; nothing opens behind a zero."""
        if not number:
            return format_html("{}", thousands(number))
        return format_html('<a href="{}">{}</a>', self.to(of, period, **more), thousands(number))

    def page(self, **changed: str | int | None) -> str:
        """Return the address of the page itself with some parameters changed."""
        return f"{reverse(self.home)}?{self.asked.query(**changed)}"

    def csv(self, table: str) -> str:
        """Return the address of one table of this report as CSV."""
        return f"{reverse('dashboard:table_csv', args=[table])}?{self.asked.query()}"

    def _query(self, **parameters: str | int) -> str:
        team = self.asked.team.pk if self.asked.team else None
        return self.asked.encode({**parameters, "team": team})
