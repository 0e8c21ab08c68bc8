"""What the tags write; the look is tests/browser's part."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django import forms
from django.template import engines
from django.utils import timezone

from leads.models import Lead, Organisation

NOW = datetime(2026, 3, 12, 10, 0, tzinfo=UTC)


def render(text, **context):
    return engines["django"].from_string(text).render(context)


def test_icon_points_into_the_sprite_and_is_silent():
    assert render('{% icon "inbox" %}') == (
        '<svg class="icon" aria-hidden="true"><use href="/static/icons.svg#i-inbox"/></svg>'
    )


@pytest.mark.django_db
def test_stage_says_the_word_of_the_organisation():
    organisation = Organisation.current()
    organisation.stage_labels = {"mql": "Ready for sales"}
    organisation.save()

    assert render('{% stage "mql" %}') == '<span class="stage" data-stage="mql">Ready for sales</span>'
    assert render('{% stage "lead" chip=True %}') == (
        '<span class="stage stage-chip" data-stage="lead">Lead</span>'
    )


@pytest.mark.django_db
def test_stage_escapes_what_an_admin_typed():
    Organisation.current()
    Organisation.objects.update(stage_labels={"mql": "<b>M</b>"})

    assert "<b>" not in render('{% stage "mql" %}')


def test_score_chip_links_and_speaks():
    html = render('{% score_chip lead "/leads/7/#score" %}', lead=Lead(grade="A", band=3, score=86))

    assert html.startswith('<a class="score" href="/leads/7/#score" data-grade="A" data-band="3"')
    assert 'aria-label="Score 86 of 100: fit grade A, engagement band 3 of 4"' in html
    assert html.endswith("</a>")


def test_score_chip_marks_what_was_set_by_hand():
    html = render("{% score_chip lead %}", lead=Lead(grade="A", band=3, score=86, override_score=0))

    assert ' data-by-hand title="Set by hand; computed: 86"' in html
    assert 'aria-label="Score 0 of 100, set by hand (computed: 86): fit grade A' in html
    assert '<span class="score-total">0</span>' in html


def test_score_chip_of_a_mapping_without_address_is_an_image_and_may_be_blocked():
    html = render(
        "{% score_chip given %}", given={"grade": "D", "band": 1, "score": 18, "disqualified_by": "student"}
    )

    assert html.startswith('<span class="score" role="img" data-grade="D" data-band="1" data-blocked')
    assert "band 1 of 4, blocked" in html


@pytest.mark.django_db
def test_stage_path_marks_what_is_done_and_where_one_is():
    html = render('{% stage_path "mql" notes=notes %}', notes={"suspect": "3 Feb"})

    assert html.count("is-done") == 2
    assert html.count('aria-current="step"') == 1
    assert "<b>Suspect</b><span>3 Feb</span>" in html
    assert 'data-stage="opportunity"' in html


@pytest.mark.django_db
def test_stage_path_of_a_lost_lead_ends_there():
    html = render('{% stage_path "lost" %}')

    assert html.count("is-done") == 4
    assert "Opportunity" not in html


@pytest.mark.parametrize(
    ("left", "start", "tone", "text", "ring"),
    [
        (timedelta(hours=3, minutes=17), timedelta(hours=4), "", "3 h 17 min to accept", 82),
        (timedelta(minutes=38), timedelta(hours=1), "warn", "38 min to accept", 63),
        (timedelta(hours=5), timedelta(hours=24), "warn", "5 h to accept", 21),
        (timedelta(minutes=-18), timedelta(hours=4), "bad", "Accept 18 min late", 0),
        (timedelta(hours=5), None, "", "5 h to accept", 100),
    ],
)
def test_clock_says_what_is_left(left, start, tone, text, ring):
    deadline = NOW + left
    context = {"deadline": deadline, "start": start and deadline - start, "now": NOW}

    html = render('{% clock deadline "accept" start=start now=now %}', **context)

    assert f">{text}</span>" in html
    assert f'stroke-dasharray="{ring} 100"' in html
    assert (f'class="clock" data-tone="{tone}"' in html) == bool(tone)


def test_clock_without_a_deadline_is_nothing():
    assert render('{% clock None "accept" %}').strip() == ""


def test_clock_that_was_kept_or_waits_does_not_run():
    assert "data-deadline" not in render('{% clock_done "Contacted in 22 min" %}')
    assert "Stopped until Mon" in render('{% clock_stopped "Stopped until Mon 09:00" %}')


def test_when_shows_the_organisations_time_with_the_full_moment_behind():
    with timezone.override("Europe/Berlin"):
        html = render("{{ moment|when:now }}", moment=datetime(2026, 3, 12, 8, 38, tzinfo=UTC), now=NOW)

    assert html == (
        '<time datetime="2026-03-12T08:38:00+00:00" title="Thu 12 Mar 2026, 09:38 (Europe/Berlin)">'
        "Today 09:38</time>"
    )


def test_when_takes_days_and_nothing():
    assert render("{{ day|when:now }}", day=date(2026, 3, 10), now=NOW) == (
        '<time datetime="2026-03-10" title="Tue 10 Mar 2026">10 Mar</time>'
    )
    assert render("{{ day|when }}", day=None) == "–"


@pytest.mark.parametrize(
    ("text", "shown"), [("2026-03-10", "10 Mar"), ("2026-03-12T08:38:00+00:00", "Today 08:38"), ("", "–")]
)
def test_when_reads_the_text_of_frozen_notes(text, shown):
    assert shown in render("{{ noted|when:now }}", noted=text, now=NOW)


def test_filters_of_numbers():
    filters = ["n|thousands", "s|percent", "d|signed", "b|interval", "t|duration", "name|initials"]
    text = " ".join(f"{{{{ {each} }}}}" for each in filters)

    html = render(text, n=1240, s=0.52, d=-2, b=(0.453, 0.582), t=timedelta(minutes=187), name="Lea Novak")

    assert html == "1,240 52% −2 likely 45–58% 3 h 07 min LN"


def test_pick_reads_keys_that_are_data():
    assert render("{{ given|pick:'mql' }}{{ given|pick:'sql' }}", given={"mql": 3}) == "3"


class Sample(forms.Form):
    size = forms.IntegerField(label="Company size", help_text="People")
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea)
    reason = forms.ChoiceField(widget=forms.RadioSelect, choices=[("a", "First"), ("b", "Second")])
    agree = forms.BooleanField(label="Agree", required=False)
    token = forms.CharField(widget=forms.HiddenInput)


def test_field_joins_label_control_and_hint():
    html = render("{% field form.size %}", form=Sample())

    assert '<label class="label" for="id_size">Company size</label>' in html
    assert 'class="input"' in html
    assert 'aria-describedby="id_size_hint"' in html
    assert '<p class="hint" id="id_size_hint">People</p>' in html
    assert "Optional" not in html


def test_field_keeps_the_input_says_what_is_wrong_and_takes_the_focus():
    html = render("{% field form.size %}", form=Sample({"size": "many"}))

    assert 'value="many"' in html
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_size_hint id_size_error"' in html
    assert "autofocus" in html
    assert "Enter a whole number." in html


def test_field_gives_the_focus_to_the_first_invalid_one_only():
    form = Sample({"size": "many"})

    assert "autofocus" in render("{% field form.size %}", form=form)
    assert "autofocus" not in render("{% field form.reason %}", form=form)


def test_field_marks_what_is_optional_and_takes_attributes():
    html = render('{% field form.note rows=3 placeholder="One sentence" %}', form=Sample())

    assert '<span class="muted">Optional</span>' in html
    assert 'rows="3"' in html
    assert 'placeholder="One sentence"' in html


def test_field_shows_a_group_as_choices_in_a_fieldset():
    html = render("{% field form.reason %}", form=Sample({"reason": "b"}))

    assert html.count('<label class="choice">') == 2
    assert '<legend class="label">Reason</legend>' in html
    assert html.count('class="check"') == 2
    assert html.count("checked") == 1


def test_field_of_a_box_wraps_it_and_a_hidden_one_is_bare():
    assert '<label class="choice"><input type="checkbox"' in render("{% field form.agree %}", form=Sample())
    assert render("{% field form.token %}", form=Sample()).strip().startswith('<input type="hidden"')


def test_form_errors_are_told_at_once():
    form = Sample({})
    form.add_error(None, "Both dates are the same.")

    html = render("{% form_errors form %}", form=form)

    assert 'role="alert"' in html
    assert "Both dates are the same." in html
    assert render("{% form_errors form %}", form=Sample()).strip() == ""


def test_alert_holds_a_sentence_and_one_link():
    html = render(
        '{% alert "warn" "/x/" "Route them" %}<b>{{ name }}</b> is away.{% endalert %}', name="<Ben>"
    )

    assert html.startswith('<div class="alert" data-tone="warn">')
    assert "<b>&lt;Ben&gt;</b> is away." in html
    assert html.endswith('<a href="/x/">Route them</a></div>')


def test_empty_state_says_what_to_do():
    html = render('{% empty_state "mql" title %}<p>Why.</p>{% endempty_state %}', title="Nothing <waits>")

    assert "<h2>Nothing &lt;waits&gt;</h2><p>Why.</p>" in html


def test_pager_disables_what_is_not_there():
    html = render('{% include "_pager.html" with said="First 50" next_url="?after=x" %}')

    assert '<a class="btn btn-sm" rel="next" href="?after=x">' in html
    assert html.count("disabled") == 1
