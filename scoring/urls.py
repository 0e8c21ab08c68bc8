from __future__ import annotations

from django.urls import path

from scoring import editor_views, views

app_name = "scoring"

urlpatterns = [
    path("definitions/", views.definitions, name="definitions"),
    path("definitions/progress/", views.progress, name="progress"),
    path("definitions/new/", editor_views.definition_new, name="definition_new"),
    path("definitions/<int:version>/", views.definitions, name="definition"),
    path(
        "definitions/<int:version>/edit/<slug:section>/", editor_views.definition_edit, name="definition_edit"
    ),
    path("definitions/<int:version>/try/<slug:section>/", editor_views.definition_try, name="definition_try"),
]
