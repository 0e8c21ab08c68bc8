"""Addresses of this app's own pages; they join the namespace `leads` of the lead pages."""

from django.urls import include, path

from leads import views, views_quarantine

urlpatterns = [
    path("signals/", views.signals_page, name="signals"),
    path("signals/new/", views.signal_edit, name="signal_new"),
    path("signals/past/<slug:kind>/", views.signals_reclassify, name="signals_reclassify"),
    path("signals/<slug:slug>/", views.signal_edit, name="signal_edit"),
    path("quarantine/", views_quarantine.quarantine_page, name="quarantine"),
    path("quarantine/<slug:action>/", views_quarantine.quarantine_act, name="quarantine_act"),
    path("sources/", views.sources_page, name="sources"),
    path("sources/new/", views.source_create, name="source_create"),
    path("sources/<int:pk>/rotate/", views.source_rotate, name="source_rotate"),
    path("sources/<int:pk>/revoke/", views.source_revoke, name="source_revoke"),
    path("", include("leads.urls_imports")),
]
