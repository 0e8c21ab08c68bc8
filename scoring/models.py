from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from leads.enums import ApprovalSide
from leads.models import Cycle, Definition, Lead

MAX_ATTEMPTS = 5


class PendingScoreQuerySet(models.QuerySet["PendingScore"]):
    def due(self, at: datetime) -> PendingScoreQuerySet:
        """Marks to work on now: not given up and not put off until later."""
        return self.filter(Q(not_before=None) | Q(not_before__lte=at), set_aside="")

    def given_up(self) -> PendingScoreQuerySet:
        """Marks of leads whose scoring kept failing, for somebody to look at and retry."""
        return self.exclude(set_aside="")


class PendingScore(models.Model):
    """A lead to score because something became known on `day`. The row is the work.

    Rows are only ever inserted and deleted, never updated in place by the writer of an event: a worker that
    deletes the marks it read cannot lose one that another transaction is just committing.
    """

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    created_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    set_aside = models.CharField(max_length=300, blank=True)  # why it was given up after the last attempt

    objects = PendingScoreQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["created_at", "id"], name="pending_score_age")]

    def __str__(self) -> str:
        return f"Lead {self.lead_id} on {self.day}"


class Rescore(models.Model):
    """A full pass over all leads (nightly roll-over, publish, `rescore --all`) and how far it has come.

    The row is the work here too: a chunk of leads and the step of `last_lead_id` are one transaction.
    """

    reason = models.CharField(max_length=60)
    day = models.DateField()
    version = models.PositiveIntegerField()
    last_lead_id = models.BigIntegerField(default=0)  # leads up to this id are done
    leads_total = models.PositiveIntegerField(default=0)
    leads_done = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["reason", "day", "version"],
                condition=models.Q(finished_at=None),
                name="rescore_one_running",
            )
        ]

    def __str__(self) -> str:
        return f"{self.reason} on {self.day}"


class Approval(models.Model):
    """One side's yes to a proposed definition; a change to its document takes it away.

    Nobody says yes for both sides: the constraint holds whatever the code does.
    """

    definition = models.ForeignKey(Definition, on_delete=models.CASCADE, related_name="approvals")
    side = models.CharField(max_length=10, choices=ApprovalSide.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["definition", "side"], name="approval_one_a_side"),
            models.UniqueConstraint(fields=["definition", "by"], name="approval_never_for_both_sides"),
            models.CheckConstraint(condition=Q(side__in=ApprovalSide.values), name="approval_side_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_side_display()} for definition {self.definition_id}"


class ScoreOverrideQuerySet(models.QuerySet["ScoreOverride"]):
    def in_force(self) -> ScoreOverrideQuerySet:
        """Those that nobody lifted or replaced and that did not expire."""
        return self.filter(ended_at=None)

    def expired(self, day: date) -> ScoreOverrideQuerySet:
        """Those in force whose last day is over."""
        return self.in_force().filter(expires_on__lte=day)


class ScoreOverride(models.Model):
    """A score that somebody set by hand, from a day until a day; written by `scoring.overrides` alone.

    It stands beside the computed score and never takes its place: `Lead.score` goes on being computed. Rows are
    kept, so who set what, why, and how it ended can be read later. `expires_on` is the first day without it.
    """

    class Ending(models.TextChoices):
        EXPIRED = "expired", "Expired"
        LIFTED = "lifted", "Lifted"
        REPLACED = "replaced", "Replaced"

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="score_overrides")
    score = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    set_on = models.DateField()  # the day of `set_at` in the organisation's time zone
    expires_on = models.DateField()
    ending = models.CharField(max_length=10, choices=Ending.choices, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_on = models.DateField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = ScoreOverrideQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-set_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["lead"], condition=Q(ended_at=None), name="score_override_one_in_force"
            ),
            models.CheckConstraint(
                condition=Q(expires_on__gt=models.F("set_on")), name="score_override_expires_later"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="score_override_has_reason"),
            models.CheckConstraint(condition=Q(score__lte=100), name="score_override_in_range"),
            models.CheckConstraint(
                condition=Q(ending="", ended_at=None, ended_on=None, ended_by=None)
                | Q(ending="expired", ended_at__isnull=False, ended_on__isnull=False, ended_by=None)
                | Q(
                    ending__in=["lifted", "replaced"],
                    ended_at__isnull=False,
                    ended_on__isnull=False,
                    ended_by__isnull=False,
                ),
                name="score_override_ends_whole",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["expires_on"], name="score_override_due", condition=Q(ended_at=None))
        ]

    def __str__(self) -> str:
        return f"{self.score} until {self.expires_on}"

    @property
    def over_on(self) -> date:
        """The first day at whose end it does not hold any more, or will not."""
        return min(self.expires_on, self.ended_on or self.expires_on)

    def holds_on(self, day: date) -> bool:
        """Tell whether it was in force at the end of `day`."""
        return self.set_on <= day < self.over_on

    def in_words(self) -> str:
        """Return who set what until when."""
        return f"Score set to {self.score} by hand until {self.expires_on:%-d %b %Y} by {self.by}"

    def ending_in_words(self) -> str:
        """Return how it ended; nothing while it is in force, and for one that another replaced."""
        if self.ending == self.Ending.LIFTED:
            return f"Score set by hand lifted by {self.ended_by}"
        return "Score set by hand expired" if self.ending == self.Ending.EXPIRED else ""


class QualifyingCount(models.Model):
    """How many open leads a draft, as of a revision and a day, would make MQLs at once, and how far the count is."""

    definition = models.ForeignKey(Definition, on_delete=models.CASCADE, related_name="+")
    revision = models.PositiveIntegerField()
    day = models.DateField()
    last_lead_id = models.BigIntegerField(default=0)  # leads up to this id are counted
    leads_total = models.PositiveIntegerField(default=0)
    leads_done = models.PositiveIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["definition", "revision", "day"], name="qualifying_count_once")
        ]

    def __str__(self) -> str:
        return f"{self.found} of {self.leads_done} leads under definition {self.definition_id}"


class NewnessBoundary(models.Model):
    """The moment from which a lead's engagement is new again: a cycle ended, or nurture began.

    Day counts know only days. So `known` notes what had become known on that very day by then, as
    [signal id, object key, occurred on, count]; the rest of the day, and every day after, is new
    (docs/scoring.md, "New engagement"). Append-only; the latest row of a lead holds.
    """

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    seq = models.PositiveIntegerField()  # of the ledger line that made it
    at = models.DateTimeField()
    day = models.DateField()
    ended_cycle = models.BooleanField(default=False)
    known = models.JSONField(default=list, blank=True)
    # What a nurtured lead waited for, so that its past can be replayed; the lead's own forgets it on waking.
    wake_signal = models.CharField(max_length=50, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["lead", "seq"], name="newness_boundary_once")
        ]

    def __str__(self) -> str:
        return f"Lead {self.lead_id} from {self.at}"


class BacktestQuerySet(models.QuerySet["Backtest"]):
    def unfinished(self) -> BacktestQuerySet:
        """Those that workers still have to go on with, the oldest first."""
        return self.filter(finished_at=None).order_by("pk")


class Backtest(models.Model):
    """A replay of the organisation's history under a document, how far it has come, and its result.

    The row is the work: a batch's entries and the step of `last_lead_id` are one transaction. The document is kept
    as it was asked about, because a draft may change later.
    """

    definition = models.ForeignKey(Definition, null=True, on_delete=models.SET_NULL, related_name="backtests")
    version = models.PositiveIntegerField()
    document = models.JSONField()
    days = models.PositiveSmallIntegerField()
    first_day = models.DateField()
    last_day = models.DateField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)  # failures of the batch at hand
    failed = models.CharField(max_length=300, blank=True)
    last_lead_id = models.BigIntegerField(default=0)  # leads up to this id are done
    leads_total = models.PositiveIntegerField(default=0)
    leads_done = models.PositiveIntegerField(default=0)
    sweep = models.JSONField(default=list, blank=True)  # see scoring.backtest.Sweep
    summary = models.JSONField(default=dict, blank=True)

    objects = BacktestQuerySet.as_manager()

    is_of_now: bool  # set by `backtest_runs.tried`

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "days"], condition=Q(finished_at=None), name="backtest_one_running"
            ),
            models.CheckConstraint(
                condition=Q(first_day__lte=models.F("last_day"), days__gte=1), name="backtest_days_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"Back-test of definition {self.version}"

    @property
    def is_running(self) -> bool:
        return self.finished_at is None

    @property
    def likely(self) -> tuple[float, float] | None:
        """The bounds of the acceptance to expect; None where there is too little to say."""
        found = self.summary.get("predicted_acceptance", {})
        return (found["low"], found["high"]) if found.get("rate") is not None else None


class BacktestEntry(models.Model):
    """A lead that became an MQL in a back-test: under the draft, under the rules live then, or both.

    `decision` to `is_won` are what sales had made of it when the back-test ran: of the draft's promotion, or of
    the live one where the draft has none.
    """

    class Kind(models.TextChoices):
        GAINED = "gained", "Gained"
        LOST = "lost", "Lost"
        SAME = "same", "Same day"
        MOVED = "moved", "On another day"

    backtest = models.ForeignKey(Backtest, on_delete=models.CASCADE, related_name="entries")
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    attempt = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=6, choices=Kind.choices)
    live_on = models.DateField(null=True, blank=True)
    live_rule = models.CharField(max_length=60, blank=True)
    live_cycle = models.ForeignKey(Cycle, null=True, on_delete=models.SET_NULL, related_name="+")
    draft_on = models.DateField(null=True, blank=True)
    draft_rule = models.CharField(max_length=60, blank=True)
    draft_cycle = models.ForeignKey(Cycle, null=True, on_delete=models.SET_NULL, related_name="+")
    decision = models.CharField(max_length=10, blank=True)
    reason = models.CharField(max_length=60, blank=True)
    is_sql = models.BooleanField(default=False)
    is_won = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["backtest", "lead", "attempt"], name="backtest_entry_once"),
            models.CheckConstraint(
                condition=Q(live_on__isnull=False) | Q(draft_on__isnull=False),
                name="backtest_entry_of_a_side",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["backtest", "kind", "id"], name="backtest_entry_kind")]

    def __str__(self) -> str:
        return f"Lead {self.lead_id}: {self.kind}"
