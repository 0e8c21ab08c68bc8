from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from leads.models import Source
from leads.sources import MANUAL, NameTaken, create_source, internal_source, key_hash, rotate_key
from tests.factories import AT

pytestmark = pytest.mark.django_db


def test_key_is_kept_as_its_hash_only():
    source, key = create_source("Website", AT, allowed_origins=["https://a.test"])

    assert source.key_hash == key_hash(key)
    assert key.startswith(source.key_prefix)
    assert key not in str(Source.objects.values().get())
    assert source.allowed_origins == ["https://a.test"]


def test_new_key_replaces_the_old():
    source, old = create_source("Website", AT)

    new = rotate_key(source)

    assert Source.objects.get().key_hash == key_hash(new) != key_hash(old)


def test_name_is_given_once():
    create_source("Website", AT)

    with pytest.raises(NameTaken):
        create_source(" Website ", AT)


def test_internal_source_is_made_once():
    assert internal_source(MANUAL, AT) == internal_source(MANUAL, AT)


def test_create_source_prints_the_key_as_the_last_word():
    out = StringIO()

    call_command("create_source", "My shop", "--origin", "https://shop.test", stdout=out)

    source = Source.objects.get(key_hash=key_hash(out.getvalue().split()[-1]))
    assert (source.name, source.allowed_origins) == ("My shop", ["https://shop.test"])


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "Website"])
def test_create_source_refuses_bad_names(name):
    create_source("Website", AT)

    with pytest.raises(CommandError):
        call_command("create_source", name)
