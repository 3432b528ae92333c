"""Benchmarks, which are no tests: what serialising costs here and with djangorestframework-gis, on the same rows."""
