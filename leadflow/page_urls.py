"""Addresses of the project's own pages, named `leadflow:…`."""

from django.urls import path

from leadflow import (
    accounts,
    definition_steps,
    notices_page,
    operations,
    search,
    views_users,
    webhook_pages,
)

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
    path("notices/<int:pk>/", notices_page.notice_open, name="notice_open"),
    path("notices/settings/", notices_page.settings_page, name="notice_settings"),
    path("notices/calendar/", notices_page.calendar_new, name="calendar_new"),
    path("notices/calendar/close/", notices_page.calendar_close, name="calendar_close"),
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
    path("webhooks/", webhook_pages.webhooks_page, name="webhooks"),
    path("webhooks/new/", webhook_pages.webhook_new, name="webhook_new"),
    path("webhooks/<int:pk>/", webhook_pages.webhook_page, name="webhook"),
    path("webhooks/<int:pk>/edit/", webhook_pages.webhook_edit, name="webhook_edit"),
    path("webhooks/<int:pk>/confirm/<slug:slug>/", webhook_pages.webhook_confirm, name="webhook_confirm"),
    path("webhooks/<int:pk>/do/<slug:slug>/", webhook_pages.webhook_do, name="webhook_do"),
    path("webhooks/deliveries/<int:pk>/", webhook_pages.delivery_page, name="delivery"),
    path("webhooks/deliveries/<int:pk>/resend/", webhook_pages.delivery_resend, name="delivery_resend"),
    path("audit/", views_users.audit_page, name="audit"),
    path("definitions/approvals/", definition_steps.approvals_setting, name="approvals"),
    *(
        path(
            f"definitions/<int:version>/{slug}/",
            definition_steps.step_page(slug),
            name=f"definition_{slug.replace('-', '_')}",
        )
        for slug in definition_steps.STEPS
    ),
]
