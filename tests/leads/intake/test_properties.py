"""Whatever arrives in whatever order and grouping: the books balance, and nothing depends on the order."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.checks import CHECKS
from leads.intake import strict_json, tracking
from leads.intake.problems import Refused
from leads.models import EngagementDay, Event, IntakeBatch, Lead
from tests.factories import AT, make_catalogue, make_source

NAMES = ["Guide Downloaded", "Chat", "Email Opened", "Unheard of"]
LOOSE = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def moment(minutes):
    return (AT - timedelta(minutes=minutes)).isoformat()


ids = st.fixed_dictionaries(
    {}, optional={"userId": st.sampled_from(["u-1", "u-2"]), "anonymousId": st.sampled_from(["a-1", "a-2"])}
).filter(bool)
times = st.integers(0, 3 * 24 * 60).map(moment)
tracks = st.builds(
    lambda who, name, at: {"type": "track", "event": name, "timestamp": at} | who,
    ids,
    st.sampled_from(NAMES),
    times,
)
identifies = st.builds(
    lambda n, device, at: {"type": "identify", "userId": f"u-{n}", "timestamp": at, "traits": {"email": f"p{n}@acme.test"}}
    | device,
    st.integers(1, 2), st.sampled_from([{}, {"anonymousId": "a-1"}]), times,
)  # fmt: skip
aliases = st.just({"type": "alias", "userId": "u-2", "previousId": "a-2"})


@st.composite
def histories(draw):
    """Return messages with ids, some of them twice."""
    messages = draw(st.lists(st.one_of(tracks, tracks, identifies, aliases), min_size=1, max_size=25))
    messages = [message | {"messageId": f"m-{n}"} for n, message in enumerate(messages)]
    return messages + draw(st.lists(st.sampled_from(messages), max_size=6))


def play(messages, sizes):
    source, rest = make_source(), list(messages)
    for size in sizes:
        tracking.receive_messages(rest[:size], source=source, received_at=AT)
        rest = rest[size:]
    if rest:
        tracking.receive_messages(rest, source=source, received_at=AT)


def books():
    rows = EngagementDay.objects.values_list(
        "lead__email", "signal__slug", "object_key", "occurred_on", "count"
    )
    counts = Counter()
    for *key, count in rows:
        counts[tuple(key)] += count
    return counts


@pytest.mark.django_db
@LOOSE
@given(messages=histories(), sizes=st.lists(st.integers(1, 6), max_size=8))
def test_books_balance_whatever_arrives(messages, sizes):
    wipe()

    play(messages, sizes)

    assert [finding for _, _, check in CHECKS for finding in check(AT)] == []
    assert sum(IntakeBatch.objects.values_list("received", flat=True)) == len(messages)
    assert (
        sum(IntakeBatch.objects.values_list("duplicate", flat=True)) == len(messages) - Event.objects.count()
    )
    assert Event.objects.count() == len({message["messageId"] for message in messages})


@pytest.mark.django_db
@LOOSE
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 6), max_size=8))
def test_order_and_grouping_do_not_matter_where_each_device_has_one_user(seed, sizes):
    rng = random.Random(seed)
    messages = [
        {"type": "identify", "userId": f"u-{n}", "anonymousId": f"a-{n}", "timestamp": moment(5), "messageId": f"i-{n}",
         "traits": {"email": f"p{n}@acme.test"}}
        for n in (1, 2)
    ]  # fmt: skip
    for index in range(20):
        n = rng.choice((1, 2))
        user, device = {"userId": f"u-{n}"}, {"anonymousId": f"a-{n}"}
        track = {"type": "track", "event": rng.choice(NAMES), "timestamp": moment(rng.randrange(4000))}
        messages.append(track | rng.choice([user, device, user | device]) | {"messageId": f"m-{index}"})
    results = []
    for grouping in ([len(messages)], sizes):
        wipe()
        rng.shuffle(messages)
        play(messages, grouping)
        results.append((books(), sorted(Lead.objects.exclude(email=None).values_list("email", "stage"))))

    assert results[0] == results[1]


def wipe():
    make_catalogue()
    for model in (EngagementDay, Event):
        model.objects.all().delete()
    IntakeBatch.objects.all().delete()
    # The ledger is append-only: leads of earlier examples stay, under ids nobody uses any more.
    Lead.objects.exclude(email=None).update(email=None)
    for lead in Lead.objects.all():
        lead.identities.all().delete()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(items=st.lists(json_values, max_size=4), ascii_only=st.booleans())
def test_strict_reader_takes_what_json_takes_and_flaws_the_rest(items, ascii_only):
    text = json.dumps({"batch": items}, ensure_ascii=ascii_only)

    envelope = strict_json.read_batch(text)

    for raw, item in zip(envelope.items, items, strict=True):
        assert text[raw.start : raw.end] == json.dumps(item, ensure_ascii=ascii_only)
        if raw.flaw is None:
            assert raw.value == item
            json.dumps(raw.value, allow_nan=False).encode()


@settings(max_examples=500, deadline=None, derandomize=True)
@given(text=st.text(alphabet='{}[]",:\\ \n0123eE+-.truefalsnbch\x00\ud83d😀', max_size=60))
def test_strict_reader_answers_or_refuses_whatever_it_reads(text):
    for read in (strict_json.read_batch, strict_json.read_single):
        with suppress(Refused):
            envelope = read(text)
            assert json.loads(text) is not None
            assert all(item.value is not None or item.flaw for item in envelope.items)
