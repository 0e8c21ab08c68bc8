"""Logged calls, meetings, mails and chats with one lead."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s
from rest_framework.request import Request

from leadflow.api import fields, outputs
from leadflow.api import representations as as_
from leadflow.api.operation import operation
from leadflow.api.pages import page_of
from leadflow.api.views.leads import LeadEndpoint
from leads import clock
from leads.conversations import log_conversation
from leads.models import Conversation


class ConversationBody(fields.Body):
    kind = s.ChoiceField(Conversation.Kind.choices)
    reached = fields.Flag(required=False, default=True, help_text="False: tried, nobody answered.")
    summary = fields.Text(required=False, allow_blank=True, default="", max_length=5000)


class LeadConversations(LeadEndpoint):
    @operation(
        "leads.read", also=("leads.pii",), query=fields.PageQuery, output=outputs.ConversationOut, many=True
    )
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """List the conversations with a lead, the latest first."""
        talks = self.lead(pk).conversations.select_related("by")
        return page_of(request, query, talks, as_.conversation_json, order=("-at", "-id"))

    @operation("conversations.log", body=ConversationBody, output=outputs.ConversationOut, status=201)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Log a call, meeting, mail or chat. One that reached the person counts as a signal."""
        talk = log_conversation(self.lead(pk), **body, at=clock.now(), by=self.actor)
        return as_.conversation_json(talk)
