"""Wiring: settings, URLs, the WSGI and Celery applications. Nothing here knows what a mine is.

Imports nothing, because `config.local` runs before anything is installed.
"""
