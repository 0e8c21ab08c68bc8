from django.urls import path

from handoff import manager_views, schedule_views, views

app_name = "handoff"

urlpatterns = [
    path("inbox/", views.inbox_page, name="inbox"),
    path("inbox/availability/", views.availability, name="availability"),
    path("handoffs/", manager_views.board, name="board"),
    path("handoffs/<int:pk>/", views.handoff_page, name="handoff_detail"),
    path("handoffs/<int:pk>/peek/", views.peek, name="peek"),
    path("handoffs/<int:pk>/undo/", views.undo, name="undo"),
    path("handoffs/<int:pk>/discovery/", views.discovery_page, name="discovery"),
    path("handoffs/<int:pk>/qualify/", views.qualify, name="qualify"),
    path("handoffs/<int:pk>/opportunity/", views.opportunity_open, name="opportunity_open"),
    path("handoffs/<int:pk>/opportunity/close/", views.opportunity_close, name="opportunity_close"),
    path("handoffs/<int:pk>/reassign/", manager_views.reassign, name="reassign"),
    path("handoffs/<int:pk>/pause/", schedule_views.pause, name="pause"),
    path("handoffs/<int:pk>/resume/", schedule_views.resume, name="resume"),
    path("handoffs/<int:pk>/release/", manager_views.release, name="release"),
    path("handoffs/<int:pk>/decide/<slug:slug>/", views.decide, name="decide"),
    path("routing/", manager_views.routing_page, name="routing"),
    path("routing/rules/new/", manager_views.rule_edit, name="rule_new"),
    path("routing/rules/<int:pk>/", manager_views.rule_edit, name="rule_edit"),
    path("routing/pools/new/", manager_views.pool_edit, name="pool_new"),
    path("routing/pools/<int:pk>/", manager_views.pool_edit, name="pool_edit"),
    path("reps/", manager_views.reps_page, name="reps"),
    path("reps/<int:pk>/absences/", schedule_views.absences, name="absences"),
    path("absences/<int:pk>/delete/", schedule_views.absence_delete, name="absence_delete"),
    path("out-of-office/", schedule_views.my_absences, name="my_absences"),
    path("clocks/", schedule_views.clocks_page, name="clocks"),
    path("clocks/tiers/new/", schedule_views.tier_edit, name="tier_new"),
    path("clocks/tiers/<int:pk>/", schedule_views.tier_edit, name="tier_edit"),
    path("clocks/tiers/<int:pk>/delete/", schedule_views.tier_delete, name="tier_delete"),
    path("clocks/calendars/new/", schedule_views.calendar_edit, name="calendar_new"),
    path("clocks/calendars/<int:pk>/", schedule_views.calendar_edit, name="calendar_edit"),
    path("clocks/calendars/<int:pk>/delete/", schedule_views.calendar_delete, name="calendar_delete"),
    path("reps/<int:pk>/", manager_views.rep_edit, name="rep_edit"),
    path("rejection-reasons/", manager_views.reasons_page, name="reasons"),
    path("rejection-reasons/new/", manager_views.reason_edit, name="reason_new"),
    path("rejection-reasons/<slug:slug>/", manager_views.reason_edit, name="reason_edit"),
]
