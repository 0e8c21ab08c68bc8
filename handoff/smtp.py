"""Sending one mail so that, whenever it is interrupted, it is known whether it can have left.

SMTP has no "once": a server may have taken a mail although its answer got lost. So everything that can fail
before is done first (connecting, sender, recipient), then `claim` is called and written down, then the
mail itself goes out. Killed before the claim it surely did not leave; killed after, it may have.
"""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Callable
from email.utils import parseaddr

from anymail.exceptions import AnymailError
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend

Claim = Callable[[], bool]


class NotSent(Exception):
    """The mail surely did not leave: try again later."""


class InDoubt(Exception):
    """The mail may have left: do not send it again."""


def send(message: EmailMultiAlternatives, connection: BaseEmailBackend, claim: Claim) -> bool:
    """Send a mail if `claim` says that nobody else does; raise NotSent or InDoubt."""
    if isinstance(connection, EmailBackend):
        return _by_smtp(message, connection, claim)
    if not claim():
        return False
    try:
        connection.send_messages([message])
    except smtplib.SMTPResponseException as refused:
        raise NotSent(said(refused)) from refused
    except AnymailError as failed:
        answered = getattr(failed, "response", None) is not None
        raise (NotSent if answered else InDoubt)(said(failed)) from failed
    except (OSError, smtplib.SMTPException) as failed:
        raise InDoubt(said(failed)) from failed
    return True


def _by_smtp(message: EmailMultiAlternatives, connection: EmailBackend, claim: Claim) -> bool:
    try:
        link = _prepare(message, connection)
    except (OSError, smtplib.SMTPException) as failed:
        _start_over(connection)
        raise NotSent(said(failed)) from failed
    if not claim():
        _start_over(connection)
        return False
    try:
        code, answer = link.data(message.message().as_bytes(linesep="\r\n"))
    except smtplib.SMTPDataError as refused:
        _start_over(connection)
        raise NotSent(said(refused)) from refused
    except (OSError, smtplib.SMTPException) as failed:
        _start_over(connection)
        raise InDoubt(said(failed)) from failed
    if code != 250:
        _start_over(connection)
        raise NotSent(said(smtplib.SMTPDataError(code, answer)))
    return True


def _prepare(message: EmailMultiAlternatives, connection: EmailBackend) -> smtplib.SMTP:
    """Connect and have sender and recipients accepted."""
    connection.open()
    link = connection.connection
    if link is None:
        raise OSError("no connection to the mail server")
    link.ehlo_or_helo_if_needed()
    _accepted(link.mail(parseaddr(message.from_email)[1]))
    for recipient in message.recipients():
        _accepted(link.rcpt(parseaddr(recipient)[1]))
    return link


def _accepted(answer: tuple[int, bytes]) -> None:
    code, said = answer
    if code not in (250, 251):
        raise smtplib.SMTPResponseException(code, said)


def _start_over(connection: EmailBackend) -> None:
    # A conversation that went wrong is not gone on with; the next mail gets a new one.
    with contextlib.suppress(OSError, smtplib.SMTPException):
        connection.close()
    connection.connection = None


def said(error: Exception) -> str:
    """Return an error as one line for the operations page."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"[
            :300
        ]
    return f"{type(error).__name__}: {error}"[:300]
