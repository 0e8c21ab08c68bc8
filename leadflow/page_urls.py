"""Addresses of the project's own pages, named `leadflow:…`."""

from django.urls import path

from leadflow import accounts, notices_page, operations, search, views_users

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
    path("search/", search.search_page, name="search"),
    path("notices/", notices_page.notices_page, name="notices"),
    path("notices/read/", notices_page.notices_read, name="notices_read"),
    path("operations/", operations.operations_page, name="operations"),
    path("operations/retry/scores/", operations.retry_scores, name="retry_scores"),
    path("operations/retry/letters/", operations.retry_letters, name="retry_letters"),
    path("operations/retry/notices/", operations.retry_notices, name="retry_notices"),
    path("users/", views_users.users_page, name="users"),
    path("users/new/", views_users.user_new, name="user_new"),
    path("users/<int:pk>/", views_users.user_edit, name="user_edit"),
    path("api-keys/", views_users.api_keys_page, name="api_keys"),
    path("api-keys/new/", views_users.api_key_new, name="api_key_new"),
    path("api-keys/<int:pk>/revoke/", views_users.api_key_revoke, name="api_key_revoke"),
    path("audit/", views_users.audit_page, name="audit"),
]
