"""URLs. Every route but the signs of life and the schema answers through `monitor.api.view.DoorView`."""

from django.urls import include, path

urlpatterns = [path("", include("monitor.api.urls"))]
handler400 = "monitor.api.problems.answer_bad_request"
handler404 = "monitor.api.problems.answer_not_found"
handler500 = "monitor.api.problems.answer_failure"
