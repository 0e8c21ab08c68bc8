"""Who may call which address: the permission matrix, written out once more by hand for the crawl to compare with.

M marketer, R rep, G sales manager, A admin. A new address needs a row here, or the crawl fails. `thing` says whose
the object in the address is; SEEN says who sees which of them: a rep's `own`, one of the same `team`, one of an
`other` team. For the API a method also names the scopes a key needs, all of them; "-" is closed to every key.
"""

from __future__ import annotations

from dataclasses import dataclass, field

THINGS = ("own", "team", "other")
# Thing → role → which of THINGS it sees.
SEEN: dict[str, dict[str, tuple[str, ...]]] = {
    "lead": {"M": THINGS, "R": ("own",), "G": ("own", "team"), "A": THINGS},
    "handoff": {"M": (), "R": ("own",), "G": ("own", "team"), "A": THINGS},
    "company": {"M": THINGS, "R": ("own",), "G": ("own", "team"), "A": THINGS},
    "rep": {"M": THINGS, "R": ("own",), "G": ("own", "team"), "A": THINGS},
    "import": {"M": THINGS, "R": (), "G": ("own", "team"), "A": THINGS},
    "pool": {"M": (), "R": (), "G": ("own",), "A": ("own", "other")},
    "absence": {"M": (), "R": (), "G": ("own",), "A": ("own", "other")},
    "notice": {"M": (), "R": ("own",), "G": (), "A": ()},
    "view": {"M": (), "R": ("own",), "G": (), "A": ()},
    # There for everybody who may call the address at all.
    "common": dict.fromkeys("MRGA", ("own",)),
}


@dataclass(frozen=True)
class Row:
    """The roles that may use each method. `args` is the rest of the address; "{thing}" stands for the number."""

    GET: str = ""
    POST: str = ""
    PATCH: str = ""
    thing: str = ""
    scopes: dict[str, str] = field(default_factory=dict)
    args: tuple[str, ...] = ("{thing}",)
    query: str = ""  # what the address asks for

    def roles(self, method: str) -> str:
        return str(getattr(self, {"HEAD": "GET"}.get(method, method), ""))


@dataclass(frozen=True)
class Public:
    """Open to everybody, signed in or not, by these methods."""

    methods: str
    args: tuple[str, ...] = ()


def page(get: str = "", post: str = "", thing: str = "", args: tuple[str, ...] = ("{thing}",)) -> Row:
    return Row(GET=get, POST=post, thing=thing, args=args)


def api(thing: str = "", args: tuple[str, ...] = ("{thing}",), query: str = "", **methods: str) -> Row:
    """`get="MRGA leads:read"`: the roles, then the scopes."""
    parts = {method.upper(): told.split() for method, told in methods.items()}
    return Row(
        **{method: told[0] for method, told in parts.items()},
        thing=thing,
        args=args,
        query=query,
        scopes={method: " ".join(told[1:]) or "-" for method, told in parts.items()},
    )


_TRACKING = "track t identify i page p screen s group g alias a batch b".split()

MATRIX: dict[str, Row | Public] = {
    "healthz": Public("GET"),
    "readyz": Public("GET"),
    # Guarded by the secret in its address: see tests/handoff/test_feeds.py.
    "calendar": Public("GET", ("x" * 43,)),
    # Guarded by a write key of their own: see tests/leads/intake.
    **{f"tracking:{name}": Public("POST") for name in _TRACKING},
    "tracking:settings": Public("GET", ("wk_x",)),
    "leadflow:sign_in": Public("GET POST"),
    "leadflow:sign_out": Public("POST"),
    "leadflow:password_reset": Public("GET POST"),
    "leadflow:password_reset_sent": Public("GET"),
    "leadflow:new_password": Public("GET POST", ("MQ", "a-b")),
    "leadflow:theme": Public("POST"),
    "api:schema": Public("GET"),
    "api:docs": Public("GET"),
    # Everybody's own.
    "leadflow:home": page("MRGA"),
    "leadflow:password_change": page("MRGA", "MRGA"),
    "leadflow:search": page("MRGA"),
    # Running it.
    "leadflow:operations": page("MA"),
    "leadflow:retry_scores": page(post="A"),
    "leadflow:retry_notices": page(post="A"),
    "leadflow:retry_letters": page(post="MA"),
    "leadflow:notices": page("MRGA"),
    "leadflow:notices_read": page(post="MRGA"),
    "leadflow:notice_open": page("MRGA", thing="notice"),
    "leadflow:notice_settings": page("MRGA", "MRGA"),
    "leadflow:calendar_new": page(post="MRGA"),
    "leadflow:calendar_close": page(post="MRGA"),
    "leadflow:users": page("GA"),
    "leadflow:user_new": page("A", "A"),
    "leadflow:user_edit": page("A", "A", "common"),
    "leadflow:api_keys": page("A"),
    "leadflow:api_key_new": page("A", "A"),
    "leadflow:api_key_revoke": page("A", "A", "common"),
    "leadflow:webhooks": page("A"),
    "leadflow:webhook_new": page("A", "A"),
    "leadflow:webhook": page("A", thing="common"),
    "leadflow:webhook_edit": page("A", "A", "common"),
    "leadflow:webhook_confirm": page("A", "A", "common", ("{thing}", "remove")),
    "leadflow:webhook_do": page(post="A", thing="common", args=("{thing}", "switch-off")),
    "leadflow:delivery": page("A", thing="common"),
    "leadflow:delivery_resend": page(post="A", thing="common"),
    "leadflow:audit": page("GA"),
    # Leads.
    "leads:queue": page("MRGA"),
    "leads:queue_csv": page("MGA"),
    "leads:lead_new": page("MGA", "MGA"),
    "leads:bulk": page(post="MGA", args=("nurture",)),
    "leads:view_save": page(post="MRGA"),
    "leads:view_delete": page(post="MRGA", thing="view"),
    "leads:lead_detail": page("MRGA", thing="lead"),
    "leads:lead_score": page("MRGA", thing="lead"),
    **{f"leads:override_{verb}": page(post="MA", thing="lead") for verb in ("set", "lift")},
    "leads:lead_edit": page("MRGA", "MRGA", "lead"),
    "leads:note_add": page(post="MRGA", thing="lead"),
    "leads:conversation_add": page(post="MRGA", thing="lead"),
    "leads:lead_move": page(post="MGA", thing="lead"),
    "leads:imports": page("MGA"),
    "leads:import_upload": page(post="MGA"),
    "leads:import_detail": page("MGA", "MGA", "import"),
    "leads:import_rows": page("MGA", thing="import"),
    "leads:import_rows_csv": page("MGA", thing="import"),
    **{f"leads:import_{verb}": page(post="MGA", thing="import") for verb in ("undo", "retry", "discard")},
    # Rules.
    "scoring:definitions": page("MRGA"),
    "scoring:definition": page("MRGA", thing="common"),
    "scoring:progress": page("MRGA"),
    **{
        f"leadflow:definition_{verb}": page("MA", "MA", "common")
        for verb in ("propose", "publish", "discard")
    },
    "leadflow:definition_withdraw": page("MGA", "MGA", "common"),
    "leadflow:definition_approve_marketing": page("MA", "MA", "common"),
    "leadflow:definition_approve_sales": page("GA", "GA", "common"),
    "leadflow:approvals": page("A", "A"),
    "scoring:definition_new": page("MA", "MA"),
    "scoring:definition_edit": page("MA", "MA", "common", ("{thing}", "rules")),
    "scoring:definition_try": page(post="MA", thing="common", args=("{thing}", "rules")),
    "backtests:list": page("MGA", "MA"),
    "backtests:detail": page("MGA", thing="common"),
    "backtests:leads": page("MGA", thing="common"),
    "leads:signals": page("MRGA"),
    "leads:signals_reclassify": page(post="MA", args=("preview",)),
    "leads:signal_new": page("MA", "MA"),
    "leads:signal_edit": page("MA", "MA", "common"),
    "leads:quarantine": page("MA"),
    "leads:quarantine_act": page(post="MA", args=("release",)),
    "leads:sources": page("MA"),
    "leads:source_create": page(post="A"),
    "leads:source_rotate": page(post="A", thing="common"),
    "leads:source_revoke": page(post="A", thing="common"),
    "handoff:tracks": page("MRGA"),
    "handoff:track_new": page("MA", "MA"),
    "handoff:track_edit": page("MA", "MA", "common"),
    "handoff:reasons": page("MRGA"),
    "handoff:reason_new": page("MA", "MA"),
    "handoff:reason_edit": page("MA", "MA", "common"),
    # Sales.
    "handoff:inbox": page("R"),
    "handoff:availability": page(post="R"),
    "handoff:accept_many": page(post="R"),
    "handoff:log_many": page(post="R", args=("mail",)),
    "handoff:undo_many": page(post="R"),
    "handoff:board": page("GA"),
    "handoff:reassign_many": page(post="GA"),
    "handoff:handoff_detail": page("MRGA", thing="handoff"),
    "handoff:peek": page("MRGA", thing="handoff"),
    "handoff:undo": page(post="R", thing="handoff"),
    "handoff:contact_log": page(post="MRGA", thing="handoff"),
    "handoff:discovery": page("RGA", "RGA", "handoff"),
    "handoff:discovery_check": page(post="RGA", thing="handoff"),
    "handoff:qualify": page(post="RGA", thing="handoff"),
    "handoff:opportunity_open": page("RGA", "RGA", "handoff"),
    "handoff:opportunity_close": page("RGA", "RGA", "handoff"),
    "handoff:reassign": page("GA", "GA", "handoff"),
    "handoff:release": page(post="MA", thing="common"),
    "handoff:decide": page("R", "R", "handoff", ("{thing}", "accept")),
    "handoff:routing": page("MGA"),
    "handoff:draft_open": page(post="GA"),
    "handoff:draft": page("GA"),
    "handoff:draft_rule_new": page("GA", "GA"),
    "handoff:draft_rule": page("GA", "GA", "common"),
    "handoff:draft_rule_move": page(post="GA", thing="common"),
    "handoff:draft_rule_remove": page(post="GA", thing="common"),
    "handoff:draft_pool_new": page("GA", "GA"),
    "handoff:draft_pool": page("GA", "GA", "pool"),
    "handoff:draft_pool_remove": page(post="GA", thing="pool"),
    "handoff:draft_discard": page(post="GA"),
    "handoff:draft_publish": page(post="GA"),
    "handoff:replay_start": page(post="GA"),
    "handoff:replay": page("GA", thing="common"),
    "handoff:routing_version": page("MGA", thing="common"),
    "handoff:routing_back": page(post="GA", thing="common"),
    "handoff:reps": page("MGA"),
    "handoff:rep_edit": page("GA", "GA", "rep"),
    "handoff:absences": page("GA", "GA", "rep"),
    "handoff:absence_delete": page(post="GA", thing="absence"),
    "handoff:my_absences": page("R", "R"),
    "handoff:pause": page("GA", "GA", "handoff"),
    "handoff:resume": page(post="GA", thing="handoff"),
    "handoff:clocks": page("MGA"),
    "handoff:hours_edit": page("GA", "GA"),
    "handoff:tier_new": page("GA", "GA"),
    "handoff:tier_edit": page("GA", "GA", "common"),
    "handoff:tier_delete": page(post="GA", thing="common"),
    "handoff:calendar_new": page("GA", "GA"),
    "handoff:calendar_edit": page("GA", "GA", "common"),
    "handoff:calendar_delete": page(post="GA", thing="common"),
    # Reports.
    "dashboard:conversion": page("MRGA"),
    "dashboard:leads_behind": page("MRGA"),
    "dashboard:leads_csv": page("MGA"),
    "dashboard:table_csv": page("MGA", args=("cohorts",)),
    "dashboard:lift": page("MRGA"),
    "dashboard:calibration": page("MRGA"),
    "dashboard:speed": page("MRGA"),
    "dashboard:opinion": page("MRGA"),
    "dashboard:draft_open": page(post="MA"),
    # The API.
    "api:me": api(get="MRGA any"),
    "api:leads": api(get="MRGA leads:read", post="MGA leads:write"),
    "api:leads_upsert": api(post="MA leads:write"),
    "api:leads_move": api(post="MGA"),
    "api:lead": api("lead", get="MRGA leads:read", patch="MRGA leads:write"),
    "api:lead_move": api("lead", post="MGA"),
    "api:lead_score": api("lead", get="MRGA leads:read"),
    "api:lead_overrides": api("lead", get="MRGA leads:read", post="MA"),
    "api:lead_override_lift": api("lead", post="MA"),
    "api:lead_outlook": api("lead", get="MRGA leads:read"),
    "api:lead_timeline": api("lead", get="MRGA leads:read leads:read_pii events:read"),
    "api:lead_events": api("lead", get="MRGA events:read"),
    "api:lead_ledger": api("lead", get="MRGA leads:read"),
    "api:lead_cycles": api("lead", get="MRGA leads:read"),
    "api:lead_notes": api("lead", get="MRGA leads:read leads:read_pii", post="MRGA leads:write"),
    "api:lead_conversations": api("lead", get="MRGA leads:read leads:read_pii", post="MRGA leads:write"),
    "api:companies": api(get="MRGA leads:read"),
    "api:company": api("company", get="MRGA leads:read"),
    "api:events": api(get="MRGA events:read"),
    **{f"api:events_{verb}": api(post="MA") for verb in ("quarantine", "release")},
    "api:handoffs": api(get="MRGA handoffs:read"),
    "api:handoffs_accept": api(post="R handoffs:respond"),
    "api:handoff_contact": api("handoff", post="MRGA leads:write"),
    "api:handoff": api("handoff", get="MRGA handoffs:read"),
    **{
        f"api:handoff_{verb}": api("handoff", post="R handoffs:respond")
        for verb in ("accept", "reject", "return", "defer", "undo")
    },
    "api:handoff_reassign": api("handoff", post="GA"),
    "api:handoff_release": api("common", post="MA"),
    "api:handoff_discovery": api(
        "handoff", get="MRGA handoffs:read leads:read_pii", patch="RGA handoffs:respond"
    ),
    "api:handoff_qualify": api("handoff", post="RGA opps:write"),
    "api:opportunities": api(get="MRGA handoffs:read", post="RGA opps:write"),
    "api:opportunity": api("handoff", get="MRGA handoffs:read"),
    "api:opportunity_close": api("handoff", post="RGA opps:write"),
    "api:definitions": api(get="MRGA rules:read", post="MA"),
    "api:definition_live": api(get="MRGA rules:read"),
    "api:definition": api("common", get="MRGA rules:read", patch="MA"),
    "api:definition_changes": api("common", get="MRGA rules:read"),
    "api:definition_propose": api("common", post="MA"),
    "api:definition_withdraw": api("common", post="MGA"),
    "api:definition_approve_marketing": api("common", post="MA"),
    "api:definition_approve_sales": api("common", post="GA"),
    "api:definition_publish": api("common", post="MA"),
    "api:definition_discard": api("common", post="MA"),
    "api:routing": api(get="MGA"),
    "api:routing_versions": api(get="MGA"),
    "api:routing_version": api("common", get="MGA"),
    "api:routing_draft": api(get="GA", post="GA", patch="GA"),
    "api:routing_draft_publish": api(post="GA"),
    "api:routing_draft_discard": api(post="GA"),
    "api:routing_draft_replays": api(post="GA"),
    "api:routing_draft_preview": api(get="GA", query="?email=free@leads.test"),
    "api:routing_replay": api("common", get="GA"),
    "api:backtests": api(get="MGA rules:read", post="MA"),
    "api:backtest": api("common", get="MGA rules:read"),
    "api:backtest_leads": api("common", get="MGA rules:read leads:read"),
    "api:signals": api(get="MRGA rules:read"),
    "api:tracks": api(get="MRGA rules:read"),
    "api:reasons": api(get="MRGA rules:read"),
    "api:reps": api(get="MGA"),
    "api:rep": api("rep", patch="GA"),
    "api:rep_absences": api("rep", get="MGA", post="GA"),
    "api:handoff_pause": api("handoff", post="GA"),
    "api:handoff_resume": api("handoff", post="GA"),
    "api:sources": api(get="MA"),
    "api:imports": api(get="MGA", post="MGA"),
    "api:import": api("import", get="MGA"),
    "api:import_start": api("import", post="MGA"),
    "api:reports": api(get="MRGA reports:read"),
    "api:report": api(get="MRGA reports:read", args=("summary",)),
    "api:webhooks": api(get="A"),
    "api:webhook_deliveries": api("common", get="A"),
    "api:audit": api(get="GA audit:read"),
}
