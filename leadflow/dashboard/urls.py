"""Addresses of the dashboard, named `dashboard:…`."""

from django.urls import path

from leadflow.dashboard import downloads, views

app_name = "dashboard"

urlpatterns = [
    path("dashboard/", views.conversion, name="conversion"),
    path("dashboard/leads/", views.leads_behind, name="leads_behind"),
    path("dashboard/leads.csv", downloads.leads_csv, name="leads_csv"),
    path("dashboard/<slug:table>.csv", downloads.table_csv, name="table_csv"),
]
