"""Signing in and out, passwords, the theme, and where a day begins."""

import hashlib
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from leadflow.forms import ChangePasswordForm, NewPasswordForm, ResetForm, SignInForm
from leadflow.navigation import THEMES, landing_url
from leads.models import User

_HOUR = 60 * 60
_YEAR = 365 * 24 * _HOUR
_LINKS_AN_HOUR = 3


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Send everybody to the page their work begins on."""
    assert isinstance(request.user, User)
    return redirect(landing_url(request.user))


class SignIn(views.LoginView):
    """Sign in, then go where one came from, if that is on this site; else to the landing page."""

    form_class = SignInForm
    template_name = "registration/sign_in.html"
    redirect_authenticated_user = True


class SignOut(views.LogoutView):
    """Sign out; by POST only, so that no picture or link of another site can."""

    def get_default_redirect_url(self) -> str:
        return reverse("leadflow:sign_in")


class ResetPassword(views.PasswordResetView):
    """Send a link by e-mail; the answer is the same whether the address is known or not."""

    form_class = ResetForm
    template_name = "registration/reset.html"
    email_template_name = "registration/reset_email.txt"
    subject_template_name = "registration/reset_subject.txt"
    success_url = reverse_lazy("leadflow:password_reset_sent")

    def form_valid(self, form: ResetForm) -> HttpResponse:
        """Point the link at the configured address: a forged Host header must not choose it."""
        if not _may_mail(form.cleaned_data["email"]):
            return HttpResponseRedirect(self.get_success_url())
        public = urlsplit(settings.LEADFLOW_PUBLIC_URL)
        form.save(
            domain_override=public.netloc,
            use_https=public.scheme == "https",
            from_email=settings.DEFAULT_FROM_EMAIL,
            email_template_name=self.email_template_name,
            subject_template_name=self.subject_template_name,
            request=self.request,
        )
        return HttpResponseRedirect(self.get_success_url())


def _may_mail(address: str) -> bool:
    """Let one address be sent a few links an hour, so that nobody's mailbox can be filled from here."""
    key = "reset:" + hashlib.sha256(address.strip().lower().encode()).hexdigest()
    cache.add(key, 0, timeout=_HOUR)
    try:
        return cache.incr(key) <= _LINKS_AN_HOUR
    except ValueError:  # it ran out between the two
        return True


class ResetSent(views.PasswordResetDoneView):
    template_name = "registration/reset_sent.html"


class NewPassword(views.PasswordResetConfirmView):
    """Set a new password with the link from the e-mail."""

    form_class = NewPasswordForm
    template_name = "registration/new_password.html"
    success_url = reverse_lazy("leadflow:sign_in")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, "Your new password is set. Sign in with it.")
        return super().form_valid(form)


class ChangePassword(views.PasswordChangeView):
    """Change one's own password; other sessions of the account end."""

    form_class = ChangePasswordForm
    template_name = "registration/change_password.html"
    success_url = reverse_lazy("leadflow:password_change")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, "Your password is changed. You are signed out everywhere else.")
        return super().form_valid(form)


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Keep the theme in a cookie, so that the server can send it with the page and nothing flashes."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = "/"
    response = HttpResponseRedirect(target)
    if request.POST.get("theme") in THEMES:
        response.set_cookie(
            "theme", request.POST["theme"], max_age=_YEAR, samesite="Lax", secure=settings.HTTPS
        )
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response
