import pytest
from django.test import Client


def test_request_id_of_the_caller_is_kept(client: Client) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "abc-123"})["X-Request-ID"] == "abc-123"


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, 'a"b', "a\nb"])
def test_request_id_that_could_forge_a_log_line_is_replaced(client: Client, given: str) -> None:
    answered = client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"]

    assert answered != given
    assert len(answered) == 32


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Content-Security-Policy", "default-src 'self'"),
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Permissions-Policy", "camera=()"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cache-Control", "private"),
    ],
)
def test_every_answer_has_safe_headers(client: Client, name: str, part: str) -> None:
    assert part in client.get("/healthz")[name]


def test_content_security_policy_allows_nothing_inline(client: Client) -> None:
    policy = client.get("/healthz")["Content-Security-Policy"]

    assert "unsafe" not in policy
    assert "*" not in policy
