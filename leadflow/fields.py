"""How one form field is shown: which attributes its control gets, and what stands around it."""

from typing import Any

from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, HiddenInput, RadioSelect


def field_context(bound: BoundField, attrs: dict[str, Any]) -> dict[str, Any]:
    """Return what `_field.html` needs; the first invalid field of the form asks for the focus."""
    widget = bound.field.widget
    described = [f"{bound.auto_id}_{part}" for part, text in _around(bound) if text]
    attrs = {**attrs, **({"aria-describedby": " ".join(described)} if described else {})}
    if next(iter(bound.form.errors), None) == bound.name:
        attrs["autofocus"] = True
    if isinstance(widget, HiddenInput):
        kind = "hidden"
    elif isinstance(widget, RadioSelect | CheckboxSelectMultiple):
        # A group is described as a whole, so its boxes are not described one by one.
        attrs.pop("aria-describedby", None)
        kind = "group"
    else:
        kind = "check" if isinstance(widget, CheckboxInput) else "input"
        own = widget.attrs.get("class", "")
        attrs["class"] = " ".join(filter(None, ["check" if kind == "check" else "input", own]))
    return {
        "field": bound,
        "kind": kind,
        "control": bound.as_widget(attrs=attrs) if kind != "group" else "",
        "options": _options(bound, attrs) if kind == "group" else [],
        "described": " ".join(described),
        "is_optional": not bound.field.required and kind != "check",
    }


def _around(bound: BoundField) -> list[tuple[str, Any]]:
    return [("hint", bound.help_text), ("error", bound.errors)]


def _options(bound: BoundField, attrs: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each choice of a group with its control; a label may carry its consequence in `hint`."""
    options = []
    for position, option in enumerate(bound.subwidgets):
        own = {**option.data["attrs"], **attrs, "class": "check"}
        if position:
            own.pop("autofocus", None)
        option.data["attrs"] = own
        option.data["wrap_label"] = False
        label = option.data["label"]
        options.append({"control": option.tag(), "label": label, "hint": getattr(label, "hint", "")})
    return options
