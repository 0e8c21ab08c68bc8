"""Addresses of the project's own pages, named `leadflow:…`."""

from django.urls import path

from leadflow import accounts

app_name = "leadflow"

urlpatterns = [
    path("", accounts.home, name="home"),
    path("sign-in/", accounts.SignIn.as_view(), name="sign_in"),
    path("sign-out/", accounts.SignOut.as_view(), name="sign_out"),
    path("password/", accounts.ChangePassword.as_view(), name="password_change"),
    path("password/reset/", accounts.ResetPassword.as_view(), name="password_reset"),
    path("password/reset/sent/", accounts.ResetSent.as_view(), name="password_reset_sent"),
    path("password/reset/<uidb64>/<token>/", accounts.NewPassword.as_view(), name="new_password"),
    path("theme/", accounts.choose_theme, name="theme"),
]
