"""Addresses of the back-tests, named `backtests:…`."""

from django.urls import path

from leadflow.backtests import views

app_name = "backtests"

urlpatterns = [
    path("backtests/", views.backtest_list, name="list"),
    path("backtests/<int:pk>/", views.backtest_detail, name="detail"),
    path("backtests/<int:pk>/leads/", views.backtest_leads, name="leads"),
]
