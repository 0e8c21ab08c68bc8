"""Addresses of the dashboard, named `dashboard:…`."""

from django.urls import path

from leadflow.dashboard import downloads, learning_pages, speed_page, views

app_name = "dashboard"

urlpatterns = [
    path("dashboard/", views.conversion, name="conversion"),
    path("dashboard/leads/", views.leads_behind, name="leads_behind"),
    path("dashboard/leads.csv", downloads.leads_csv, name="leads_csv"),
    path("dashboard/lift/", learning_pages.lift_page, name="lift"),
    path("dashboard/lift/calibration/", learning_pages.calibration_page, name="calibration"),
    path("dashboard/lift/opinion/", learning_pages.opinion_page, name="opinion"),
    path("dashboard/lift/speed/", speed_page.speed_page, name="speed"),
    path("dashboard/lift/draft/", learning_pages.draft_open, name="draft_open"),
    path("dashboard/<slug:table>.csv", downloads.table_csv, name="table_csv"),
]
