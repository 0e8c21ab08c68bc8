"""One message of the tracking API becomes an event, or is told what is wrong with it (bad-input rows 20-36)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from leads.intake.events import IncomingEvent, Unacceptable
from leads.intake.times import NO_SKEW, BadTime, Skew, parse_moment, settle
from leads.normalise import BadEmail, normalise_email

TYPES = ("track", "identify", "page", "screen", "group", "alias")
UNKNOWN = "unknown"
MAX_ID = 128
MAX_NAME = 128
MAX_IDENTITY = 200
MAX_PROPERTIES = 100
# What broken code sends instead of an id; taking it would make one person of thousands.
ILLEGAL = frozenset(
    {
        "null",
        "undefined",
        "none",
        "nil",
        "nan",
        "0",
        "guest",
        "anonymous",
        "true",
        "false",
        "not_authenticated",
    }
    | {"id", "distinct_id", "distinctid", "user_id", "userid", "email", "[object object]", "{}", "[]"}
)
# Numbers by their meaning; a text is taken where it is one.
_NUMBERS = ("revenue", "duration")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NO_EVENT_ID = "no_event_id: retries cannot be deduplicated"
_NONE: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Envelope:
    """What holds for every message of a request."""

    received_at: datetime
    skew: Skew = NO_SKEW
    type: str = ""  # the endpoint's; "" in a batch, where each message has its own
    context: Mapping[str, Any] | None = None


def parse(message: dict[str, Any], envelope: Envelope, index: int = 0) -> IncomingEvent:
    """Return the event a message stands for; raises Unacceptable. Fields we do not know are ignored."""
    kind, name = _kind_and_name(message, envelope.type)
    context = _object(message, "context")
    if envelope.context:
        context = {**envelope.context, **context}
    traits = _object(message, "traits") if "traits" in message else _NONE
    if not traits and kind == "identify":
        traits = _object(context, "traits", "/context/traits")
    properties = _object(message, "properties") if "properties" in message else _NONE
    event = IncomingEvent(
        type=kind,
        name=name,
        index=index,
        occurred_at=envelope.received_at,
        message_id=_message_id(message),
        user_id=_identity(message, "userId"),
        anonymous_id=_identity(message, "anonymousId"),
        properties=properties,
        context=context,
        traits=traits,
        flags=list(envelope.skew.flags),
    )
    if kind == "alias":
        event.previous_id = _identity(message, "previousId")
        event.properties = {"previousId": event.previous_id}
    elif kind == "group":
        event.properties = {**traits, "groupId": _text(message.get("groupId"))[:MAX_IDENTITY]}
    elif kind == "identify":
        event.properties = dict(traits)
    _check_properties(event)
    _set_contact(event)
    _set_time(event, message, envelope)
    if not event.message_id:
        event.warnings.append(_NO_EVENT_ID)
    return event


def _kind_and_name(message: Mapping[str, Any], endpoint: str) -> tuple[str, str]:
    kind = endpoint or message.get("type")
    if kind == "track":
        name = message.get("event")
        if not isinstance(name, str) or not name.strip():
            raise Unacceptable("event_name_required", "/event", "A track call needs the name of its event.")
        return kind, _checked_name(name, "/event")
    if kind in TYPES:
        name = message.get("name")
        return str(kind), _checked_name(name, "/name") if isinstance(name, str) and name else ""
    if not isinstance(kind, str) or not kind.strip():
        raise Unacceptable("type_required", "/type", f"The type must be one of: {', '.join(TYPES)}.")
    _checked_name(kind, "/type")
    if kind.lower() in TYPES:
        return _kind_and_name(message, kind.lower())
    return UNKNOWN, kind


def _checked_name(name: str, pointer: str) -> str:
    problem = _name_problem(name)
    if problem:
        raise Unacceptable(
            problem, pointer, f"A name has at most {MAX_NAME} characters and no control characters."
        )
    return name


@lru_cache(maxsize=4096)
def _name_problem(name: str) -> str:
    if len(name) > MAX_NAME:
        return "name_too_long"
    return "invalid_name" if _CONTROL.search(name) else ""


def _message_id(message: Mapping[str, Any]) -> str:
    given = message.get("messageId")
    if given is None:
        return ""
    if not isinstance(given, str):
        raise Unacceptable("invalid_event_id", "/messageId", "The messageId must be a text.")
    if not given or len(given) > MAX_ID or given != given.strip() or _CONTROL.search(given):
        text = f"A messageId has 1 to {MAX_ID} characters, no blanks around it and no control characters."
        raise Unacceptable("invalid_event_id", "/messageId", text)
    return given


def _identity(message: Mapping[str, Any], name: str) -> str:
    given = message.get(name)
    if given is None:
        return ""
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if not isinstance(given, str):
        raise Unacceptable("wrong_type", f"/{name}", f"The {name} must be a text.")
    given = given.strip()
    if given.lower() in ILLEGAL:
        raise Unacceptable("illegal_identity", f"/{name}", f"“{given}” stands for nobody in particular.")
    if len(given) > MAX_IDENTITY or _CONTROL.search(given):
        text = f"The {name} has at most {MAX_IDENTITY} characters and no control characters."
        raise Unacceptable("invalid_identity", f"/{name}", text)
    return given


def _object(holder: Mapping[str, Any], name: str, pointer: str = "") -> dict[str, Any]:
    value = holder.get(name)
    if value is None:
        return _NONE
    if not isinstance(value, dict):
        raise Unacceptable("wrong_type", pointer or f"/{name}", f"The {name} must be an object.")
    return value


def _check_properties(event: IncomingEvent) -> None:
    where = "/traits" if event.type in ("identify", "group") else "/properties"
    if len(event.properties) > MAX_PROPERTIES:
        raise Unacceptable("too_many_properties", where, f"An event has at most {MAX_PROPERTIES} properties.")
    for name in _NUMBERS:
        if name in event.properties and not _is_number(event.properties[name]):
            raise Unacceptable("not_a_number", f"{where}/{name}", f"{name} must be a number.")


def _is_number(value: Any) -> bool:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return True
    return isinstance(value, str) and bool(re.fullmatch(r"\s*-?\d{1,18}(\.\d{1,18})?\s*", value))


def _set_contact(event: IncomingEvent) -> None:
    """Find the e-mail address the message names its person by, and refuse a message that names nobody."""
    if event.type == "identify":
        event.email = _email(event.traits.get("email"), "/traits/email")
        event.phone = _text(event.traits.get("phone"))
    if not event.email and "traits" in event.context:
        event.email = _email(
            _object(event.context, "traits", "/context/traits").get("email"), "/context/traits/email"
        )
    if not event.email and "email" in event.properties and event.type == "track":
        # Whether it is the person's own is decided with the signal: an invitation names somebody else's.
        event.own_email = _email(event.properties["email"], "/properties/email")
    if not event.email and "@" in event.user_id:
        event.email = _email_or_nothing(event.user_id)
    if not (event.user_id or event.anonymous_id or event.email or event.own_email):
        raise Unacceptable("no_identity", "", "Name the person: userId, anonymousId or an e-mail address.")


def _email(value: Any, pointer: str) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise Unacceptable("email_invalid", pointer, "The e-mail address must be a text.")
    try:
        return normalise_email(value)
    except BadEmail as bad:
        raise Unacceptable(bad.code, pointer, str(bad)) from bad


def _email_or_nothing(text: str) -> str:
    try:
        return normalise_email(text)
    except BadEmail:
        return ""


def _set_time(event: IncomingEvent, message: Mapping[str, Any], envelope: Envelope) -> None:
    given = message.get("timestamp")
    field = "timestamp"
    if given is None:
        given, field = message.get("originalTimestamp"), "originalTimestamp"
    if given is None:
        return
    try:
        moment = parse_moment(given)
        event.sent_as = given
        event.occurred_at, clamped = settle(moment + envelope.skew.offset, envelope.received_at)
    except BadTime as bad:
        raise Unacceptable(bad.code, f"/{field}", bad.detail) from bad
    except OverflowError as error:
        raise Unacceptable(
            "timestamp_out_of_range", f"/{field}", "The time is outside the calendar."
        ) from error
    if clamped:
        event.flags.append("clock_clamped")
        event.warnings.append("clock_clamped: the time was ahead of ours and was set to the time of receipt")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
