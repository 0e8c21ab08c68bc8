import gzip
import socket
import time

import pytest

from handoff.destinations import addresses, sender
from handoff.destinations.base import DeliveryError, judge
from tests.handoff.sink import running


@pytest.fixture
def sink(settings):
    settings.LEADFLOW_ALLOW_LOCAL_WEBHOOKS = True
    with running() as sink:
        yield sink


def post(sink, behaviour=None, **options):
    if behaviour:
        sink.behaviours["/hook"] = behaviour
    return judge(sender.post(sink.url("/hook"), b'{"a":1}', {"X-Test": "yes"}, **options))


def test_a_body_arrives_with_its_headers(sink):
    answer = post(sink)

    ((headers, body, _),) = sink.calls["/hook"]
    assert (answer.status, answer.text, body, headers["X-Test"]) == (200, "thanks", b'{"a":1}', "yes")
    assert headers["Host"] == f"127.0.0.1:{sink.server_port}"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(sink, status):
    with pytest.raises(DeliveryError, match="redirects are not followed"):
        post(sink, lambda call: call.answer(status, Location=sink.url("/inside")))

    assert not sink.calls["/inside"]


def test_gone_says_so_and_retry_after_is_read(sink):
    with pytest.raises(DeliveryError) as gone:
        post(sink, lambda call: call.answer(410))
    with pytest.raises(DeliveryError) as later:
        post(sink, lambda call: call.answer(503, Retry_After="120"))

    assert gone.value.gone
    assert not later.value.gone
    assert later.value.answer.retry_after == 120


def test_an_endless_answer_is_cut_off_at_64_kib(sink):
    def flood(call):
        call.send_response(200)
        call.send_header("Content-Length", str(10**9))
        call.end_headers()
        while not sink.closing.is_set():
            call.wfile.write(b"x" * 65536)

    with pytest.raises(DeliveryError, match="64 KiB"):
        post(sink, flood)


def test_a_dripping_answer_is_cut_off_in_time(sink):
    def drip(call):
        call.send_response(200)
        call.end_headers()
        while not sink.closing.wait(0.1):
            call.wfile.write(b"x")

    began = time.monotonic()
    with pytest.raises(DeliveryError, match="No answer within 1 seconds"):
        post(sink, drip, seconds=1)
    assert time.monotonic() - began < 2


def test_a_gzip_bomb_is_not_inflated(sink):
    bomb = gzip.compress(b"0" * 10_000_000)

    answer = post(sink, lambda call: call.answer(200, bomb, Content_Encoding="gzip"))

    assert len(answer.text) <= sender.EXCERPT


@pytest.mark.parametrize(
    "behaviour", [lambda call: call.reset(), lambda call: call.wfile.write(b"hello\r\n\r\n")]
)
def test_no_answer_is_a_failure_to_be_tried_again(sink, behaviour):
    with pytest.raises(DeliveryError) as failed:
        post(sink, behaviour)

    assert not failed.value.permanent


def test_plain_http_where_tls_is_expected_fails(sink):
    with pytest.raises(DeliveryError, match=r"secure connection|closed"):
        sender.post(sink.url("/hook").replace("http:", "https:"), b"", {})


def test_a_refused_connection_says_so(settings):
    settings.LEADFLOW_ALLOW_LOCAL_WEBHOOKS = True
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(DeliveryError, match="Connection refused"):
        sender.post(f"http://127.0.0.1:{port}/", b"", {})


def test_a_name_that_points_inside_by_now_is_blocked_for_good(sink, settings, monkeypatch):
    settings.LEADFLOW_ALLOW_LOCAL_WEBHOOKS = False
    monkeypatch.setattr(addresses, "_lookup", lambda place: ["127.0.0.1"])

    with pytest.raises(DeliveryError, match="Blocked") as blocked:
        sender.post(f"https://hooks.example:{8443}/", b"", {})

    assert blocked.value.permanent
    assert not sink.calls


def test_the_connection_itself_is_looked_at(sink, settings, monkeypatch):
    # The check of the name is fooled; the socket's other end is not.
    settings.LEADFLOW_ALLOW_LOCAL_WEBHOOKS = False
    monkeypatch.setattr(addresses, "PORTS", (sink.server_port,))
    monkeypatch.setattr(addresses, "reachable", lambda place, timeout: ["127.0.0.1"])

    with pytest.raises(DeliveryError, match="Blocked"):
        sender.post(f"https://hooks.example:{sink.server_port}/hook", b"", {})

    assert not sink.calls
