import pytest

from leads.intake import catalogue, setting, signatures
from leads.models import Signal
from tests.factories import make_catalogue

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _standard_catalogue():
    make_catalogue()


def named(kind, name="", path=""):
    entry = setting.read().catalogue.match(kind, name, path)
    return entry and entry.slug


@pytest.mark.parametrize(
    ("kind", "name", "path", "slug"),
    [
        ("track", "guide downloaded", "", "guide"),
        ("track", "  GUIDE Downloaded ", "", "guide"),
        ("track", "Case Study Downloaded", "", "product_content"),
        ("track", "Signed Up", "", None),
        ("page", "", "/pricing", "pricing_page"),
        ("page", "", "/de/Pricing/enterprise", "pricing_page"),
        ("page", "", "/products/pipelines", "product_page"),
        ("page", "", "/blog/pricing-strategies", "visit"),
        ("page", "", "", "visit"),
        ("screen", "Home", "", "screen"),
        ("charm", "Home", "", None),
    ],
)
def test_first_entry_that_matches_names_the_event(kind, name, path, slug):
    assert named(kind, name, path) == slug


def test_standard_catalogue_is_loaded_in_its_order():
    slugs = list(Signal.objects.values_list("slug", flat=True))

    assert (len(slugs), slugs[0], slugs[-1]) == (30, "automated", "screen")


def test_change_of_the_catalogue_holds_at_once():
    assert named("track", "Signed Up") is None

    signal = Signal.objects.create(
        slug="sign_up", label="Sign-up", position=5, match={"type": "track", "names": ["Signed Up"]}
    )
    assert named("track", "Signed Up") == "sign_up"

    signal.is_active = False
    signal.save()
    assert named("track", "Signed Up") is None


@pytest.mark.parametrize(
    ("properties", "context", "path"),
    [
        ({"path": "/pricing/"}, {}, "/pricing"),
        ({"path": "/"}, {}, "/"),
        ({"url": "https://us.test/pricing/?plan=a#b"}, {}, "/pricing"),
        ({"url": "https://us.test"}, {}, "/"),
        ({"url": "/p/1?x"}, {}, "/p/1"),
        ({}, {"page": {"path": "/blog"}}, "/blog"),
        ({"path": 5}, {"page": "x"}, ""),
    ],
)
def test_path_is_that_of_the_page_without_query_and_closing_slash(properties, context, path):
    assert catalogue.path_of(properties, context) == path


@pytest.mark.parametrize(
    ("slug", "properties", "context", "key"),
    [
        ("guide", {"title": "A", "asset": "B"}, {}, "B"),
        ("guide", {"asset": " ", "file": "c.pdf"}, {}, "c.pdf"),
        ("guide", {"asset": ["x"]}, {}, ""),
        ("email_click", {}, {"campaign": {"name": "May"}}, "May"),
        ("form", {"form": "Contact", "product": "Lineage"}, {}, "Contact#Lineage"),
        ("form", {"form": "x" * 300, "product": "Lineage"}, {}, "x" * 192 + "#Lineage"),
        ("form", {"form": 7}, {}, "7"),
        ("demo_request", {"product": "Lineage"}, {}, "Lineage"),
    ],
)
def test_object_is_the_first_property_with_a_value(slug, properties, context, key):
    entry = setting.read().catalogue.by_slug[slug]

    assert catalogue.object_key(entry, "", "", properties, context) == key


@pytest.mark.parametrize(
    ("user_agent", "automated"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("Mozilla/5.0 HeadlessChrome/120", True),
        ("Slackbot-LinkExpanding 1.0", True),
        ("python-requests/2.31", True),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15",
            False,
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; CUBOT P80) AppleWebKit/537.36 Chrome/124.0 Mobile Safari/537.36",
            False,
        ),
        ("", False),
    ],
)
def test_robots_are_told_by_their_name(user_agent, automated):
    assert bool(signatures.kind_of(user_agent)) is automated
