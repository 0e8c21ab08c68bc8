"""What `leads` announces. Receivers write their own pending row in the same transaction (docs/decisions/0006).

activity_recorded: sender is the model class Lead. Arguments `lead_ids` (sequence of int), `day` (date on which the
    activity became known, in the organisation's time zone) and `at`. Sent once per intake batch, inside its
    transaction, for every lead whose day counts, profile or conversations changed.
stage_changed: sender is the model class StageChange. Argument `changes` (list of StageChange, each with `change.lead`
    loaded and already in its new stage). Sent once per call of the door, inside its transaction.
contact_made: sender is the model class Conversation. Argument `conversation`. Sent inside the transaction that
    logs a conversation.
note_written: sender is the model class Note. Argument `note`. Sent inside the transaction that writes it; notes of
    imports and of marketing releasing a lead are not announced.
nurture_woken: sender is the model class Lead. Arguments `lead_ids` and `at`. Sent for nurtured leads whose wake-up
    day has come, again and again while it is fresh, so receivers tell each person once.
definition_published: sender is the model class Definition. Arguments `definition` and `at`. Sent inside the
    transaction that makes it live.
"""

from django.dispatch import Signal

activity_recorded = Signal()
stage_changed = Signal()
contact_made = Signal()
note_written = Signal()
nurture_woken = Signal()
definition_published = Signal()
