from __future__ import annotations

from django.urls import path

from scoring import views

app_name = "scoring"

urlpatterns = [
    path("definitions/", views.definitions, name="definitions"),
    path("definitions/<int:version>/", views.definitions, name="definition"),
]
