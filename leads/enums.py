"""The trade's words as closed lists. Labels may be renamed by an organisation; the values and their meaning may not."""

from django.db.models import IntegerChoices, TextChoices


class Role(TextChoices):
    MARKETER = "marketer", "Marketer"
    REP = "rep", "Sales rep"
    MANAGER = "manager", "Sales manager"
    ADMIN = "admin", "Admin"


class Stage(TextChoices):
    SUSPECT = "suspect", "Suspect"
    LEAD = "lead", "Lead"
    MQL = "mql", "MQL"
    SQL = "sql", "SQL"
    OPPORTUNITY = "opportunity", "Opportunity"
    WON = "won", "Won"
    LOST = "lost", "Lost"


class Status(TextChoices):
    ACTIVE = "active", "Active"
    NURTURE = "nurture", "Nurture"
    DISQUALIFIED = "disqualified", "Disqualified"


class Intent(IntegerChoices):
    """How much buying intent a signal shows; compared with `>=` when a past cycle asks for new engagement."""

    NONE = 0, "None"
    LOW = 1, "Low"
    MEDIUM = 2, "Medium"
    HIGH = 3, "High"


class FunnelStage(TextChoices):
    AWARENESS = "awareness", "Awareness"
    CONSIDERATION = "consideration", "Consideration"
    DECISION = "decision", "Decision"


class IdentityKind(TextChoices):
    ANONYMOUS = "anonymous", "Anonymous id"
    USER = "user", "User id"


class Outcome(TextChoices):
    """Where a received item ended (I25). Only `counted` items ever reach a day count."""

    COUNTED = "counted", "Counted"
    DUPLICATE = "duplicate", "Duplicate"
    IGNORED = "ignored", "Ignored"
    QUARANTINED = "quarantined", "Quarantined"
    REJECTED = "rejected", "Rejected"


class DefinitionStatus(TextChoices):
    DRAFT = "draft", "Draft"
    PROPOSED = "proposed", "Proposed"
    LIVE = "live", "Live"
    RETIRED = "retired", "Retired"
    DISCARDED = "discarded", "Discarded"


class WentLive(TextChoices):
    """How a version came to be in force."""

    APPROVED = "approved", "Approved by marketing and sales"
    UNAPPROVED = "unapproved", "Without approvals, as the organisation allows"
    COMMAND = "command", "By a command on the server"


class ApprovalSide(TextChoices):
    """The two who have to agree on a definition."""

    MARKETING = "marketing", "Marketing"
    SALES = "sales", "Sales"


class Decision(TextChoices):
    """What sales decided about a cycle; empty while nobody has."""

    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Rejected"
    RETURNED = "returned", "Returned to marketing"


class SqlMeaning(TextChoices):
    """R7: the one meaning of SQL an organisation chooses; part of the definition document."""

    ACCEPTED = "accepted", "Accepted by sales"
    DISCOVERY = "discovery", "Confirmed by discovery"
    CONVERSATION = "conversation", "Conversation held and put in the pipeline"
    RULE = "rule", "A rule on buying steps or conditions"
