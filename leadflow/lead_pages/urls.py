"""Addresses of the queue and the lead pages, named `leads:…`."""

from django.urls import include, path

from leadflow.lead_pages import actions, bulk, detail, queue, score_page

app_name = "leads"

urlpatterns = [
    path("leads/", queue.queue_page, name="queue"),
    path("leads/export.csv", actions.queue_csv, name="queue_csv"),
    path("leads/new/", actions.lead_new, name="lead_new"),
    path("leads/bulk/<slug:slug>/", bulk.bulk_action, name="bulk"),
    path("leads/views/", actions.view_save, name="view_save"),
    path("leads/views/<int:pk>/delete/", actions.view_delete, name="view_delete"),
    path("leads/<int:pk>/", detail.lead_page, name="lead_detail"),
    path("leads/<int:pk>/score/", score_page.lead_score, name="lead_score"),
    path("leads/<int:pk>/score/override/", actions.override_set, name="override_set"),
    path("leads/<int:pk>/score/override/lift/", actions.override_lift, name="override_lift"),
    path("leads/<int:pk>/edit/", actions.lead_edit, name="lead_edit"),
    path("leads/<int:pk>/note/", actions.note_add, name="note_add"),
    path("leads/<int:pk>/conversation/", actions.conversation_add, name="conversation_add"),
    path("leads/<int:pk>/move/", actions.lead_move, name="lead_move"),
    path("", include("leads.urls")),
]
