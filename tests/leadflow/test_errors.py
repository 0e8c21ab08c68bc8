import errno
import json
import sqlite3
from collections.abc import Callable

import psycopg2
import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path

from leadflow import errors
from leadflow.urls import urlpatterns as pages

full, away = OSError(errno.ENOSPC, "No space left on device"), OperationalError("could not connect to server")


class PostgresError(psycopg2.OperationalError):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def pgcode(self) -> str:
        return self.code


def caused(exception: Exception, cause: Exception) -> Exception:
    exception.__cause__ = cause
    return exception


def sqlite_error(message: str) -> Exception:
    return caused(OperationalError(message), sqlite3.OperationalError(message))


def postgres_error(code: str) -> Exception:
    return caused(OperationalError("from the server"), PostgresError(code))


@pytest.mark.parametrize(
    ("exception", "status"),
    [
        (away, 503),
        (InterfaceError("connection already closed"), 503),
        (postgres_error("57P01"), 503),  # shutdown
        (postgres_error("57014"), 503),  # statement timeout
        (postgres_error("55P03"), 503),  # lock timeout
        (postgres_error("40P01"), 503),  # deadlock
        (postgres_error("53300"), 503),  # too many connections
        (postgres_error("53100"), 507),
        (sqlite_error("database is locked"), 503),
        (sqlite_error("unable to open database file"), 503),
        (sqlite_error("database or disk is full"), 507),
        (full, 507),
        (sqlite_error("no such column: stage"), None),
        (postgres_error("22012"), None),  # division by zero
        (ProgrammingError("syntax error"), None),
        (ValueError("a bug"), None),
        (None, None),
    ],
)
def test_outage_status_tells_outages_from_bugs(exception: Exception | None, status: int | None) -> None:
    if isinstance(exception, ProgrammingError):
        exception.__cause__ = PostgresError("42601")

    assert errors.outage_status(exception) == status


def _fail(exception: Exception) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        raise exception

    return view


urlpatterns = [
    path("full/", _fail(full)),
    path("api/v1/away/", _fail(away)),
    path("page/away/", _fail(away)),
    path("api/v1/bug/", _fail(ValueError("a secret"))),
    # Pages for errors link to others.
    *pages,
]
handler400, handler403 = errors.bad_request, errors.forbidden
handler404, handler500 = errors.not_found, errors.server_error


@pytest.fixture
def visitor(db: None) -> Client:
    return Client(raise_request_exception=False)


@override_settings(ROOT_URLCONF=__name__)
def test_database_away_asks_programs_to_try_again(visitor: Client) -> None:
    response = visitor.get("/api/v1/away/")

    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["status"] == 503


@override_settings(ROOT_URLCONF=__name__)
def test_database_away_gives_people_a_page(visitor: Client) -> None:
    response = visitor.get("/page/away/")

    assert response.status_code == 503
    assert "text/" in response["Content-Type"]


@override_settings(ROOT_URLCONF=__name__)
def test_full_disk_is_507(visitor: Client) -> None:
    assert visitor.get("/full/").status_code == 507


@override_settings(ROOT_URLCONF=__name__)
def test_bug_is_500_and_says_nothing_of_the_cause(visitor: Client) -> None:
    response = visitor.get("/api/v1/bug/")

    assert response.status_code == 500
    assert b"secret" not in response.content


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize("address", ["/api/v1/nothing/", "/v1/nothing"])
def test_unknown_address_is_a_problem_for_programs(visitor: Client, address: str) -> None:
    response = visitor.get(address)

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("status", [500, 503, 507])
def test_page_for_an_outage_needs_no_database(rf: RequestFactory, status: int) -> None:
    response = errors.error_response(rf.get("/"), status)

    assert response.status_code == status
    assert b"<html" in response.content


def test_server_error_is_503_for_an_outage_outside_a_view(rf: RequestFactory) -> None:
    try:
        raise away
    except OperationalError:
        response = errors.server_error(rf.get("/"))

    assert response.status_code == 503
