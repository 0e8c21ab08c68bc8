"""Addresses of the API, under /api/v1/."""

from django.urls import path

from leadflow.api import documentation
from leadflow.api.views import (
    administration,
    catalogue,
    conversations,
    handoffs,
    imports,
    lead_moves,
    lead_parts,
    lead_upsert,
    leads,
    reports,
    sales,
    webhooks,
)

app_name = "api"

urlpatterns = [
    path("me/", administration.Me.as_view(), name="me"),
    path("leads/", leads.LeadList.as_view(), name="leads"),
    path("leads/move/", lead_moves.LeadBulkMove.as_view(), name="leads_move"),
    path("leads/upsert/", lead_upsert.LeadUpsert.as_view(), name="leads_upsert"),
    path("leads/<int:pk>/", leads.LeadDetail.as_view(), name="lead"),
    path("leads/<int:pk>/move/", lead_moves.LeadMove.as_view(), name="lead_move"),
    path("leads/<int:pk>/score/", lead_parts.LeadScore.as_view(), name="lead_score"),
    path("leads/<int:pk>/timeline/", lead_parts.LeadTimeline.as_view(), name="lead_timeline"),
    path("leads/<int:pk>/events/", lead_parts.LeadEvents.as_view(), name="lead_events"),
    path("leads/<int:pk>/ledger/", lead_parts.LeadLedger.as_view(), name="lead_ledger"),
    path("leads/<int:pk>/cycles/", lead_parts.LeadCycles.as_view(), name="lead_cycles"),
    path("leads/<int:pk>/notes/", lead_parts.LeadNotes.as_view(), name="lead_notes"),
    path(
        "leads/<int:pk>/conversations/", conversations.LeadConversations.as_view(), name="lead_conversations"
    ),
    path("companies/", catalogue.CompanyList.as_view(), name="companies"),
    path("companies/<int:pk>/", catalogue.CompanyDetail.as_view(), name="company"),
    path("events/", catalogue.EventList.as_view(), name="events"),
    path("handoffs/", handoffs.HandoffList.as_view(), name="handoffs"),
    path("handoffs/<int:pk>/", handoffs.HandoffDetail.as_view(), name="handoff"),
    path("handoffs/<int:pk>/accept/", handoffs.HandoffAccept.as_view(), name="handoff_accept"),
    path("handoffs/<int:pk>/reject/", handoffs.HandoffReject.as_view(), name="handoff_reject"),
    path("handoffs/<int:pk>/return/", handoffs.HandoffReturn.as_view(), name="handoff_return"),
    path("handoffs/<int:pk>/defer/", handoffs.HandoffDefer.as_view(), name="handoff_defer"),
    path("handoffs/<int:pk>/undo/", handoffs.HandoffUndo.as_view(), name="handoff_undo"),
    path("handoffs/<int:pk>/reassign/", handoffs.HandoffReassign.as_view(), name="handoff_reassign"),
    path("handoffs/<int:pk>/release/", handoffs.HandoffRelease.as_view(), name="handoff_release"),
    path("handoffs/<int:pk>/discovery/", sales.HandoffDiscovery.as_view(), name="handoff_discovery"),
    path("handoffs/<int:pk>/qualify/", sales.HandoffQualify.as_view(), name="handoff_qualify"),
    path("opportunities/", sales.OpportunityList.as_view(), name="opportunities"),
    path("opportunities/<int:pk>/", sales.OpportunityDetail.as_view(), name="opportunity"),
    path("opportunities/<int:pk>/close/", sales.OpportunityClose.as_view(), name="opportunity_close"),
    path("definitions/", catalogue.DefinitionList.as_view(), name="definitions"),
    path("definitions/live/", catalogue.DefinitionLive.as_view(), name="definition_live"),
    path("definitions/<int:version>/", catalogue.DefinitionDetail.as_view(), name="definition"),
    path("signals/", catalogue.SignalList.as_view(), name="signals"),
    path("rejection-reasons/", catalogue.ReasonList.as_view(), name="reasons"),
    path("reps/", administration.RepList.as_view(), name="reps"),
    path("reps/<int:pk>/", administration.RepDetail.as_view(), name="rep"),
    path("imports/", imports.ImportList.as_view(), name="imports"),
    path("imports/<int:pk>/", imports.ImportDetail.as_view(), name="import"),
    path("imports/<int:pk>/start/", imports.ImportStart.as_view(), name="import_start"),
    path("reports/", reports.ReportList.as_view(), name="reports"),
    path("reports/<slug:name>/", reports.Report.as_view(), name="report"),
    path("sources/", administration.SourceList.as_view(), name="sources"),
    path("webhooks/", webhooks.WebhookList.as_view(), name="webhooks"),
    path("webhooks/<int:pk>/deliveries/", webhooks.WebhookDeliveries.as_view(), name="webhook_deliveries"),
    path("audit/", administration.AuditList.as_view(), name="audit"),
    path("schema/", documentation.schema, name="schema"),
    path("docs/", documentation.docs, name="docs"),
]
