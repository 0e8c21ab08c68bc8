from django.urls import path

from leads.intake import views

# Long and short, as SDKs and browsers write them; a batch has no type of its own.
_TYPES = {
    "track": "track", "t": "track", "identify": "identify", "i": "identify", "page": "page", "p": "page",
    "screen": "screen", "s": "screen", "group": "group", "g": "group", "alias": "alias", "a": "alias",
    "batch": "", "b": "",
}  # fmt: skip

app_name = "tracking"
urlpatterns = [
    *(path(name, views.collect, {"kind": kind}, name=name) for name, kind in _TYPES.items()),
    path("projects/<str:key>/settings", views.browser_settings, name="settings"),
]
