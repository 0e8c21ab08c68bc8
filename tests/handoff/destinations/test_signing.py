import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from handoff.destinations import signing

VECTOR = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_published_vector_is_reproduced():
    found = signing.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}', VECTOR)

    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_package_verifies_either_secret_and_no_other():
    new, old = signing.new_secret(), signing.new_secret()
    headers = signing.headers("msg_1", datetime.now(UTC), b'{"a":1}', [new, old])

    assert Webhook(new).verify(b'{"a":1}', headers) == Webhook(old).verify(b'{"a":1}', headers) == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(b'{"a":1}', headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(b'{"a": 1}', headers)


def test_a_secret_is_32_random_bytes():
    one, other = signing.new_secret(), signing.new_secret()

    assert one != other
    assert len(base64.b64decode(one.removeprefix("whsec_"))) == 32


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_aGVsbG8=", "hello", "whsec_%%%"])
def test_short_and_odd_secrets_are_refused(secret):
    with pytest.raises(ValueError):  # noqa: PT011 - base64 raises one of its own
        signing.sign("msg_1", "1", b"", secret)
