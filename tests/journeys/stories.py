"""The stories of docs/stories.md as tracking calls, told through an unmodified Segment SDK.

`python -m tests.journeys.stories URL WRITE_KEY` tells them to a running Leadflow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from segment.analytics.client import Client

DATA_HEAD = {
    "firstName": "Maren", "lastName": "Solberg", "title": "Head of Data Platform", "country": "Denmark",
    "company": {"name": "Nordfragt", "industry": "Logistics", "employee_count": 1200},
}  # fmt: skip
IT_MANAGER = {
    "firstName": "Graham", "lastName": "Ellis", "title": "IT Manager", "country": "United Kingdom",
    "company": {"name": "Harbour Mutual", "industry": "Insurance", "employee_count": 600},
}  # fmt: skip
OPERATIONS_VP = {
    "firstName": "Ingrid", "lastName": "Berg", "title": "VP of Operations", "country": "Norway",
    "techStack": ["Snowflake"], "dataMaturity": "growing",
    "company": {"name": "Fjordware", "industry": "Software", "employee_count": 800},
}  # fmt: skip
SPRING_TRIAL = {"campaign": {"source": "google", "medium": "cpc", "name": "Spring trial"}}
QUESTION = "How do your Pipelines reach a mainframe?"

Step = Callable[[], None]


@dataclass
class Teller:
    """Speaks to one Leadflow as a customer's site does; `fail` collects what the SDK could not deliver."""

    host: str
    key: str
    now: datetime
    zone: str = "UTC"
    gzip: bool = False
    failed: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = Client(
            self.key, host=self.host, gzip=self.gzip, max_retries=0, upload_interval=0.05,
            on_error=lambda error, batch: self.failed.append(error),
        )  # fmt: skip

    def ago(self, days: int) -> datetime:
        """Return this time of day so many calendar days ago, where the organisation is."""
        return self.now.astimezone(ZoneInfo(self.zone)) - timedelta(days=days)

    def said(self) -> None:
        """Wait until everything said has been answered."""
        self.client.flush()
        if self.failed:
            raise self.failed[0]

    def end(self) -> None:
        self.client.join()

    def identify(self, user: str, days: int, traits: dict[str, Any] | None = None, **more: Any) -> None:
        self.client.identify(
            user, traits={"email": email(user), **(traits or {})}, timestamp=self.ago(days), **more
        )

    def track(self, user: str, name: str, days: int, **properties: Any) -> None:
        self.client.track(user, name, properties, timestamp=self.ago(days))

    def page(self, user: str, path: str, days: int) -> None:
        self.client.page(user, properties={"path": path}, timestamp=self.ago(days))

    def page_unknown(self, anonymous_id: str, path: str, days: int) -> None:
        self.client.page(anonymous_id=anonymous_id, properties={"path": path}, timestamp=self.ago(days))


def email(user: str) -> str:
    return f"{user}@{user}-company.example"


def demo_interest(tell: Teller) -> list[Step]:
    """Story 1, as the steps after which something is to be seen."""
    return [
        lambda: tell.identify("maren", 3, DATA_HEAD, context=SPRING_TRIAL),
        lambda: tell.track("maren", "Getting-Started Guide Downloaded", 3, title="Getting started"),
        lambda: (
            tell.page_unknown("browser-1", "/pricing", 1),
            tell.page_unknown("browser-1", "/pricing", 0),
        )[0],
        lambda: tell.identify("maren", 0, anonymous_id="browser-1"),
    ]


def webinar_unclear_need(tell: Teller) -> list[Step]:
    """Story 2."""

    def attends() -> None:
        tell.identify("graham", 2, IT_MANAGER)
        tell.track("graham", "Webinar Attended", 2, webinar="Lineage in practice")

    def asks() -> None:
        tell.track("graham", "Form Submitted", 0, form="Ask us", product="Pipelines", question=QUESTION)

    return [attends, asks]


def high_fit_low_engagement(tell: Teller) -> list[Step]:
    """Story 3."""

    def downloads() -> None:
        tell.identify("ingrid", 150, OPERATIONS_VP)
        tell.track("ingrid", "Guide Downloaded", 150, title="Planning a platform")

    return [downloads, lambda: tell.track("ingrid", "Comparison Sheet Requested", 0)]


def ten_visits_rising(tell: Teller) -> None:
    tell.identify("rising", 21, DATA_HEAD)
    for number, days in enumerate([21, 17, 13, 10, 7, 5, 3, 2, 1, 0]):
        tell.page("rising", f"/blog/{number}", days)


def ten_visits_declining(tell: Teller) -> None:
    tell.identify("declining", 27, DATA_HEAD)
    for number, days in enumerate([27, 26, 25, 24, 23, 21, 19, 16, 13, 9]):
        tell.page("declining", f"/blog/{number}", days)
    tell.track("declining", "Unsubscribed", 2)


def one_visit_two_pages(tell: Teller) -> None:
    tell.identify("passing", 0, DATA_HEAD)
    tell.page("passing", "/", 0)
    tell.page("passing", "/product", 0)


def newsletter(tell: Teller) -> None:
    tell.identify("reader", 0, DATA_HEAD)
    tell.track("reader", "Newsletter Subscribed", 0)


STORIES = [demo_interest, webinar_unclear_need, high_fit_low_engagement]
CASES = [ten_visits_rising, ten_visits_declining, one_visit_two_pages, newsletter]


def tell_all(tell: Teller) -> None:
    """Tell everything, in order."""
    for story in STORIES:
        for step in story(tell):
            step()
            tell.said()
    for case in CASES:
        case(tell)
        tell.said()
    tell.end()


if __name__ == "__main__":
    tell_all(Teller(sys.argv[1], sys.argv[2], datetime.now().astimezone()))
