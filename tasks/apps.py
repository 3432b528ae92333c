"""Django's view of the queue."""

from django.apps import AppConfig


class TasksApp(AppConfig):
    """Tasks and their sweep."""

    name = "tasks"
