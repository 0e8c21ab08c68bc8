"""Addresses of this app's pages; `leadflow.handoff_pages.urls` adds the page that joins the apps."""

from django.urls import path

from handoff import manager_views, sales_views, track_views, views

urlpatterns = [
    path("inbox/", views.inbox_page, name="inbox"),
    path("inbox/availability/", views.availability, name="availability"),
    path("inbox/accept/", views.accept_many, name="accept_many"),
    path("inbox/log/<slug:what>/", views.log_many, name="log_many"),
    path("inbox/undo/", views.undo_many, name="undo_many"),
    path("handoffs/", manager_views.board, name="board"),
    path("handoffs/<int:pk>/peek/", views.peek, name="peek"),
    path("handoffs/<int:pk>/undo/", views.undo, name="undo"),
    path("handoffs/<int:pk>/contact/", sales_views.contact_log, name="contact_log"),
    path("handoffs/<int:pk>/discovery/", sales_views.discovery_page, name="discovery"),
    path("handoffs/<int:pk>/discovery/check/", sales_views.discovery_check, name="discovery_check"),
    path("handoffs/<int:pk>/qualify/", sales_views.qualify, name="qualify"),
    path("handoffs/<int:pk>/opportunity/", sales_views.opportunity_open, name="opportunity_open"),
    path("handoffs/<int:pk>/opportunity/close/", sales_views.opportunity_close, name="opportunity_close"),
    path("handoffs/<int:pk>/reassign/", manager_views.reassign, name="reassign"),
    path("handoffs/<int:pk>/release/", manager_views.release, name="release"),
    path("handoffs/<int:pk>/decide/<slug:slug>/", views.decide, name="decide"),
    path("routing/", manager_views.routing_page, name="routing"),
    path("routing/rules/new/", manager_views.rule_edit, name="rule_new"),
    path("routing/rules/<int:pk>/", manager_views.rule_edit, name="rule_edit"),
    path("routing/pools/new/", manager_views.pool_edit, name="pool_new"),
    path("routing/pools/<int:pk>/", manager_views.pool_edit, name="pool_edit"),
    path("reps/", manager_views.reps_page, name="reps"),
    path("reps/<int:pk>/", manager_views.rep_edit, name="rep_edit"),
    path("nurture-tracks/", track_views.tracks_page, name="tracks"),
    path("nurture-tracks/new/", track_views.track_edit, name="track_new"),
    path("nurture-tracks/<int:pk>/", track_views.track_edit, name="track_edit"),
    path("rejection-reasons/", manager_views.reasons_page, name="reasons"),
    path("rejection-reasons/new/", manager_views.reason_edit, name="reason_new"),
    path("rejection-reasons/<slug:slug>/", manager_views.reason_edit, name="reason_edit"),
]
