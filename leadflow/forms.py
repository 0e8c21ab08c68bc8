"""Forms of signing in and of passwords. Passwords are taken as typed: spaces stay."""

from typing import Any

from django import forms
from django.contrib.auth.forms import (
    AuthenticationForm,
    PasswordChangeForm,
    PasswordResetForm,
    SetPasswordForm,
)

MAX_PASSWORD = 4096
_WRONG = "That e-mail address and password do not go together. Check both, or ask for a new password."
_HINT = "At least 8 characters; not a common one, and not your name or e-mail. Spaces count."
_TOO_LONG = f"A password may have at most {MAX_PASSWORD:,} characters."


def _password(label: str, autocomplete: str, **options: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        strip=False,
        max_length=MAX_PASSWORD,
        error_messages={"max_length": _TOO_LONG, "required": "Type a password."},
        # No maxlength on the control: a cut-off password would be a wrong one without saying so.
        widget=_PasswordInput(attrs={"autocomplete": autocomplete}),
        **options,
    )


class _PasswordInput(forms.PasswordInput):
    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["attrs"].pop("maxlength", None)
        return context


class SignInForm(AuthenticationForm):
    """Sign-in by e-mail. A wrong, an unknown and a disabled account get the same answer."""

    error_messages = {"invalid_login": _WRONG, "inactive": _WRONG}

    username = forms.CharField(
        label="E-mail",
        max_length=254,
        error_messages={"required": "Type your e-mail address."},
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = _password("Password", "current-password")

    def clean_username(self) -> str:
        """Fold case, so that lock-out counts the address and not its spellings."""
        return str(self.cleaned_data["username"]).strip().lower()


class NewPasswordForm(SetPasswordForm):
    """A new password after a reset; typed twice."""

    new_password1 = _password("New password", "new-password")
    new_password2 = _password("New password again", "new-password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = _HINT


class ChangePasswordForm(NewPasswordForm, PasswordChangeForm):
    """A new password for somebody who knows the old one."""

    old_password = _password("Password now", "current-password")
    field_order = ["old_password", "new_password1", "new_password2"]


class ResetForm(PasswordResetForm):
    email = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )
