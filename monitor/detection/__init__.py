"""Detection: features of cells, models of mines, honest figures.

Pure room of `monitor`: no Django, DRF or Celery. May import `imagery`, `field` and `grid`; never the other way.
"""
