"""Imagery: scenes as STAC items, sensors, pixels, and which cell each pixel lies in.

Pure room of `monitor`: no Django, DRF or Celery. May import `grid`, nothing else of this project.
"""
