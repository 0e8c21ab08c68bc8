"""Triggers that keep the ledger append-only on both databases.

SQLite drops a table's triggers when a later migration rebuilds the table, so such migrations call `install` again,
and `verify` asks `missing`. Erasure may blank `reason` and `evidence`; nothing else may change.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "leads_stagechange"
TRIGGERS = ("stagechange_no_update", "stagechange_no_delete")
KEPT = (
    "id", "lead_id", "seq", "from_stage", "to_stage", "from_status", "to_status", "at", "by_id", "actor", "version",
    "cycle_number", "fit_score", "engagement_score", "score",
)  # fmt: skip

POSTGRES = f"""
CREATE OR REPLACE FUNCTION stagechange_refuse() RETURNS trigger AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.reason = '' AND NEW.evidence = '{{}}'::jsonb
     AND ({", ".join(f"NEW.{c}" for c in KEPT)}) IS NOT DISTINCT FROM ({", ".join(f"OLD.{c}" for c in KEPT)}) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'the stage ledger is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$ LANGUAGE plpgsql;
CREATE TRIGGER stagechange_no_update BEFORE UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION stagechange_refuse();
CREATE TRIGGER stagechange_no_delete BEFORE DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION stagechange_refuse();
"""
SQLITE = (
    f"""CREATE TRIGGER stagechange_no_update BEFORE UPDATE ON {TABLE}
    WHEN NOT (NEW.reason = '' AND NEW.evidence = '{{}}' AND {" AND ".join(f"NEW.{c} IS OLD.{c}" for c in KEPT)})
    BEGIN SELECT RAISE(ABORT, 'the stage ledger is append-only'); END""",
    f"""CREATE TRIGGER stagechange_no_delete BEFORE DELETE ON {TABLE}
    BEGIN SELECT RAISE(ABORT, 'the stage ledger is append-only'); END""",
)


def install(connection: BaseDatabaseWrapper) -> None:
    """Create the triggers, replacing what is there."""
    remove(connection)
    with connection.cursor() as cursor:
        for statement in [POSTGRES] if connection.vendor == "postgresql" else SQLITE:
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers: for a migration's way back and for emptying a test database, nothing else."""
    with connection.cursor() as cursor:
        for name in TRIGGERS:
            on = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of triggers that should exist and do not."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled <> 'D'"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [TABLE])
        present = {row[0] for row in cursor.fetchall()}
    return [name for name in TRIGGERS if name not in present]
