"""The lead queue and the page of one lead: they show what leads, scoring and handoff know of a person."""
