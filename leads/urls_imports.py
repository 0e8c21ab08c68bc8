"""Addresses of the import pages."""

from django.urls import path

from leads import views_imports as views

urlpatterns = [
    path("imports/", views.imports_page, name="imports"),
    path("imports/upload/", views.import_upload, name="import_upload"),
    path("imports/<int:pk>/", views.import_detail, name="import_detail"),
    path("imports/<int:pk>/rows/", views.import_rows, name="import_rows"),
    path("imports/<int:pk>/refused.csv", views.import_rows_csv, name="import_rows_csv"),
    path("imports/<int:pk>/undo/", views.import_undo, name="import_undo"),
    path("imports/<int:pk>/retry/", views.import_retry, name="import_retry"),
    path("imports/<int:pk>/discard/", views.import_discard, name="import_discard"),
]
