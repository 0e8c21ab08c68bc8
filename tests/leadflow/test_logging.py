import json
import logging

import pytest

from leadflow.logging import logging_settings, without_query


@pytest.fixture
def formatter() -> logging.Formatter:
    line = logging_settings(level="INFO", json=True)["formatters"]["line"]
    return line["()"](json=line["json"])


def record(message: str, *args: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("leads.intake", logging.WARNING, __file__, 1, message, args, None)
    made.__dict__.update(more)
    return made


def test_json_line_has_level_logger_time_and_text(formatter: logging.Formatter) -> None:
    line = json.loads(formatter.format(record("%d events refused", 3)))

    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "3 events refused", "logger": "leads.intake", "level": "warning"}


def test_requests_are_logged_without_what_was_searched_for() -> None:
    event = {"event": "request_finished", "request": "GET /leads/?q=ada@example.com", "code": 200}

    assert without_query(None, "info", event)["request"] == "GET /leads/"


def test_traceback_shows_no_values_of_variables(capsys: pytest.CaptureFixture[str]) -> None:
    line = logging_settings(level="INFO", json=False)["formatters"]["line"]
    secret = "ada@" + "example.com"
    try:
        raise ValueError(len(secret))
    except ValueError as error:
        shown = line["()"](json=False).format(
            record("failed", exc_info=(type(error), error, error.__traceback__))
        )

    assert "ValueError: 15" in shown
    assert secret not in shown
