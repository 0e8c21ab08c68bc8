"""The tracking API from outside: who may send, from where, how fast, and what browsers ask first."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import threading
import tracemalloc
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from django.test import Client

from leads.intake import body, rates, slow_bodies
from leads.intake.problems import Refused
from leads.intake.rates import Buckets
from leads.models import Event, IntakeBatch
from leads.sources import create_source, revoke_source, rotate_key
from tests.factories import AT
from tests.leads.intake.conftest import basic

PAGE = {"type": "page", "userId": "u-1", "properties": {"path": "/"}}
ORIGIN = "https://www.example.com"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("track", "track"), ("t", "track"), ("identify", "identify"), ("i", "identify"), ("page", "page"), ("p", "page"),
     ("screen", "screen"), ("s", "screen"), ("group", "group"), ("g", "group"), ("alias", "alias"), ("a", "alias")],
)  # fmt: skip
def test_each_endpoint_has_a_long_and_a_short_name(sender, path, kind):
    response = sender.post(
        {"userId": "u-1", "event": "Chat", "name": "Home", "previousId": "a-1"}, f"/v1/{path}"
    )

    assert response.status_code == 200
    assert Event.objects.get().type == kind


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b"])
def test_batch_has_a_short_name_too(sender, path):
    assert sender.post({"batch": [PAGE]}, path).json()["accepted"] == 1


def test_answer_of_a_single_event_is_that_of_a_batch_of_one(sender):
    answer = sender.post(PAGE | {"messageId": "m-1"}, "/v1/page").json()

    assert answer == {
        "success": True, "received": 1, "accepted": 1, "duplicates": 0, "rejected": 0,
        "results": [{"index": 0, "status": 200, "outcome": "counted", "messageId": "m-1"}],
    }  # fmt: skip


def test_request_id_is_in_the_problem(sender):
    response = sender.post("{", HTTP_X_REQUEST_ID="r-17")

    assert response.json()["request_id"] == "r-17"


def test_revoked_and_replaced_keys_stop_at_once(sender):
    old = sender.key
    sender.key = rotate_key(sender.source)
    assert sender.post({"batch": [PAGE]}, HTTP_AUTHORIZATION=basic(old)).status_code == 401
    assert sender.post({"batch": [PAGE]}).status_code == 200

    revoke_source(sender.source)

    assert sender.post({"batch": [PAGE]}).status_code == 401


def test_bad_key_is_refused_before_the_body_is_read(sender):
    class Untouchable:
        def read(self, size=0):
            raise AssertionError("read")

        readline = read

    response = sender.post({}, HTTP_AUTHORIZATION=basic("wk_no"), **{"wsgi.input": Untouchable()})

    assert response.status_code == 401


def test_password_part_of_basic_is_ignored(sender):
    credentials = base64.b64encode(f"{sender.key}:secret".encode()).decode()

    assert sender.post({"batch": [PAGE]}, HTTP_AUTHORIZATION=f"basic {credentials}").status_code == 200


# --- Browsers --------------------------------------------------------------------------------------


def preflight(origin=ORIGIN):
    headers = {"HTTP_ORIGIN": origin, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"}
    return Client().options(
        "/v1/t", HTTP_ACCESS_CONTROL_REQUEST_HEADERS="authorization,content-type", **headers
    )


def test_preflight_allows_what_browser_sdks_send(sender):
    response = preflight()

    assert (response.status_code, response.content) == (204, b"")
    assert response["Access-Control-Allow-Origin"] == ORIGIN
    assert "authorization" in response["Access-Control-Allow-Headers"]
    assert response["Access-Control-Allow-Methods"] == "POST"


def test_only_allowed_origins_may_send(db):
    _, key = create_source("Shop", AT, allowed_origins=[ORIGIN])

    def post(origin):
        data = json.dumps({"batch": [PAGE]})
        return Client().post(
            "/v1/b", data, content_type="text/plain", HTTP_AUTHORIZATION=basic(key), HTTP_ORIGIN=origin
        )

    assert preflight()["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in preflight("https://evil.test")
    assert (post(ORIGIN).status_code, post(ORIGIN)["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    refused = post("https://evil.test")
    assert (refused.status_code, refused.json()["code"]) == (403, "origin_not_allowed")
    assert "Access-Control-Allow-Origin" not in refused


def test_browser_can_read_why_it_was_refused(sender):
    response = sender.post("{", HTTP_ORIGIN=ORIGIN)

    assert (response.status_code, response["Access-Control-Allow-Origin"]) == (400, ORIGIN)


def test_settings_tell_analytics_js_where_to_send(sender):
    response = Client().get(f"/v1/projects/{sender.key}/settings", HTTP_ORIGIN=ORIGIN)

    integration = response.json()["integrations"]["Segment.io"]
    assert integration == {"apiKey": sender.key, "apiHost": "testserver/v1", "protocol": "http"}
    assert response["Access-Control-Allow-Origin"] == "*"


def test_settings_of_an_unknown_key_are_not_found(sender):
    assert Client().get("/v1/projects/wk_no/settings").status_code == 404
    assert Client().post(f"/v1/projects/{sender.key}/settings").status_code == 405


# --- Rates -----------------------------------------------------------------------------------------


def test_more_than_the_rate_is_refused_whole_with_the_time_to_wait(sender, settings):
    settings.LEADFLOW_RATE_EVENTS = "10/min"
    first = sender.post({"batch": [PAGE] * 8})

    refused = sender.post({"batch": [PAGE] * 8})

    assert (first.status_code, first["RateLimit-Limit"], first["RateLimit-Remaining"]) == (200, "10", "2")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 30 <= int(refused["Retry-After"]) <= 37
    assert (Event.objects.count(), IntakeBatch.objects.count()) == (8, 1)
    assert sender.post({"batch": [PAGE] * 2}).status_code == 200


def test_bucket_fills_as_time_passes_and_takes_any_batch_when_full():
    buckets = Buckets()

    def take(events, at, source=1):
        return buckets.take(source, events, limit=10, seconds=60, at=at).allowed

    assert [take(10, 0), take(1, 0), take(1, 6), take(1, 6), take(50, 66), take(1, 66)] == [
        True, False, True, False, True, False,
    ]  # fmt: skip
    assert take(10, 0, source=2)


# --- Bodies ----------------------------------------------------------------------------------------


def test_gzip_bomb_is_refused_in_little_memory():
    # A thousandth of its size on the wire; eight times as much would still pass there.
    bomb = gzip.compress(bytes(128 * 1024 * 1024), compresslevel=9)
    assert len(bomb) <= body.MAX_WIRE / 8

    tracemalloc.start()
    try:
        with pytest.raises(Refused) as refused:
            body.inflate(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (refused.value.status, refused.value.code) == (413, "too_large_inflated")
    assert peak < 16 * 1024 * 1024


def raw_request(url, head, sent):
    """Send bytes as they are and return the status of the answer, 0 if there is none."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as sock:
        sock.sendall(head.encode() + sent)
        sock.shutdown(socket.SHUT_WR)
        answer = sock.recv(4096)
    return int(answer.split()[1]) if answer else 0


@pytest.mark.django_db(transaction=True)
def test_two_authorization_headers_and_underscores_on_a_real_server(shop, live_server):
    sender = shop()
    data = json.dumps({"batch": [PAGE]}).encode()
    head = f"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n"
    good = f"Authorization: {sender.authorization}\r\n"

    assert raw_request(live_server.url, head + good + "Connection: close\r\n\r\n", data) == 200
    assert raw_request(live_server.url, head + good + good + "\r\n", data) == 400
    assert (
        raw_request(live_server.url, head + good.replace("Authorization", "authorization_") + "\r\n", data)
        == 401
    )
    assert raw_request(live_server.url, head.replace(str(len(data)), "5000") + good + "\r\n", data) == 400


@pytest.mark.django_db(transaction=True)
def test_keep_alive_connection_serves_one_after_the_other(shop, live_server):
    sender = shop()
    connection = HTTPConnection(urlsplit(live_server.url).netloc, timeout=10)
    headers = {"Authorization": sender.authorization}

    statuses = []
    for data in (json.dumps({"batch": [PAGE]}), "{", json.dumps({"batch": [PAGE]})):
        connection.request("POST", "/v1/batch", data, headers)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()

    assert statuses == [200, 400, 200]


def test_slow_body_is_cut(monkeypatch):
    monkeypatch.setattr(slow_bodies, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(slow_bodies, "_TICK", 0.05)
    ours, theirs = socket.socketpair()
    with ours, theirs, slow_bodies.watched({"gunicorn.socket": ours}):
        theirs.sendall(b"{")
        assert ours.recv(10) == b"{"
        done = threading.Timer(5, theirs.close)
        done.start()

        assert ours.recv(10) == b""  # although the sender never closed

        done.cancel()


def test_fast_body_is_left_alone(monkeypatch):
    monkeypatch.setattr(slow_bodies, "_TICK", 0.01)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with slow_bodies.watched({"gunicorn.socket": ours}):
            theirs.sendall(b"{}")
            assert ours.recv(10) == b"{}"
        theirs.sendall(b"next")

        assert ours.recv(10) == b"next"


def test_rates_are_read_from_the_setting(settings):
    settings.LEADFLOW_RATE_EVENTS = "3/s"

    assert [rates.take(1, 1).allowed for _ in range(4)] == [True, True, True, False]
