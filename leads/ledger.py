"""Triggers that keep the ledger and the audit log append-only on both databases.

SQLite drops a table's triggers when a later migration rebuilds the table, so such migrations call
`install` again, and `verify` asks `missing`. Erasure may blank the columns that can hold personal data;
nothing else may change.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True)
class Guard:
    """The two triggers of one append-only table; `kept` columns never change, `blanked` may be emptied."""

    table: str
    prefix: str
    kept: tuple[str, ...]
    blanked: tuple[tuple[str, str], ...]  # column and its empty value: "" or "{}"
    message: str

    @property
    def triggers(self) -> tuple[str, str]:
        return f"{self.prefix}_no_update", f"{self.prefix}_no_delete"

    def postgres(self) -> list[str]:
        """Return the statements that create the triggers on PostgreSQL."""
        blank = " AND ".join(f"NEW.{c} = '{v}'" + ("::jsonb" if v == "{}" else "") for c, v in self.blanked)
        new, old = (", ".join(f"{row}.{column}" for column in self.kept) for row in ("NEW", "OLD"))
        function = f"""
            CREATE OR REPLACE FUNCTION {self.prefix}_refuse() RETURNS trigger AS $$
            BEGIN
              IF TG_OP = 'UPDATE' AND {blank} AND ({new}) IS NOT DISTINCT FROM ({old}) THEN
                RETURN NEW;
              END IF;
              RAISE EXCEPTION '{self.message}' USING ERRCODE = 'integrity_constraint_violation';
            END $$ LANGUAGE plpgsql"""
        create = "CREATE TRIGGER {} BEFORE {} ON {} FOR EACH ROW EXECUTE FUNCTION {}_refuse()"
        no_update, no_delete = self.triggers
        return [
            function,
            create.format(no_update, "UPDATE", self.table, self.prefix),
            create.format(no_delete, "DELETE", self.table, self.prefix),
        ]

    def sqlite(self) -> list[str]:
        """Return the statements that create the triggers on SQLite."""
        allowed = [f"NEW.{c} = '{v}'" for c, v in self.blanked] + [f"NEW.{c} IS OLD.{c}" for c in self.kept]
        refuse = f"BEGIN SELECT RAISE(ABORT, '{self.message}'); END"
        otherwise = f"WHEN NOT ({' AND '.join(allowed)})"
        no_update, no_delete = self.triggers
        return [
            f"CREATE TRIGGER {no_update} BEFORE UPDATE ON {self.table} {otherwise} {refuse}",
            f"CREATE TRIGGER {no_delete} BEFORE DELETE ON {self.table} {refuse}",
        ]


GUARDS = (
    Guard(
        table="leads_stagechange",
        prefix="stagechange",
        kept=(
            "id", "lead_id", "seq", "from_stage", "to_stage", "from_status", "to_status", "at", "by_id",
            "actor", "version", "cycle_number", "fit_score", "engagement_score", "score",
        ),
        blanked=(("reason", ""), ("evidence", "{}")),
        message="the stage ledger is append-only",
    ),
    Guard(
        table="leads_auditentry",
        prefix="auditentry",
        kept=("id", "at", "by_id", "via", "action", "object_type", "object_id", "request_id"),
        blanked=(("label", ""), ("changes", "{}")),
        message="the audit log is append-only",
    ),
)  # fmt: skip


def install(connection: BaseDatabaseWrapper) -> None:
    """Create the triggers of every guarded table there is, replacing what is there."""
    remove(connection)
    with connection.cursor() as cursor:
        for guard in _present(connection):
            statements = guard.postgres() if connection.vendor == "postgresql" else guard.sqlite()
            for statement in statements:
                cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers: for a migration's way back and for emptying a test database, nothing else."""
    with connection.cursor() as cursor:
        for guard in _present(connection):
            on = f" ON {guard.table}" if connection.vendor == "postgresql" else ""
            for name in guard.triggers:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of triggers that should exist and do not."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D'"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        present = {row[0] for row in cursor.fetchall()}
    return [name for guard in GUARDS for name in guard.triggers if name not in present]


def _present(connection: BaseDatabaseWrapper) -> list[Guard]:
    # A migration may run before a later one has created its table.
    tables = set(connection.introspection.table_names())
    return [guard for guard in GUARDS if guard.table in tables]
