from leads.models.activity import (
    Asset,
    AutomationLook,
    DeadLetter,
    EngagementDay,
    Event,
    IntakeBatch,
    Reclassification,
    Signal,
    Source,
)
from leads.models.audit import AuditEntry
from leads.models.imports import ImportJob, ImportPart, ImportRow
from leads.models.ledger import Cycle, Definition, StageChange
from leads.models.nurture import NurtureTrack
from leads.models.people import Company, Conversation, Identity, Lead, Note, ProfileChange
from leads.models.privacy import Suppression
from leads.models.users import Organisation, Team, User
from leads.models.views import SavedView

__all__ = [
    "Asset",
    "AuditEntry",
    "AutomationLook",
    "Company",
    "Conversation",
    "Cycle",
    "DeadLetter",
    "Definition",
    "EngagementDay",
    "Event",
    "Identity",
    "ImportJob",
    "ImportPart",
    "ImportRow",
    "IntakeBatch",
    "Lead",
    "Note",
    "NurtureTrack",
    "Organisation",
    "ProfileChange",
    "Reclassification",
    "SavedView",
    "Signal",
    "Source",
    "StageChange",
    "Suppression",
    "Team",
    "User",
]
