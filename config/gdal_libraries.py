"""One libgdal in the process: GeoDjango runs on the libraries inside rasterio's wheel.

Wiring. Importing this module imports rasterio, which must happen before GeoDjango opens a library: without that, two
libproj would look for two databases and SRID look-ups fail.
"""

from __future__ import annotations

from pathlib import Path

import rasterio
from django.core.exceptions import ImproperlyConfigured


def find_library(name: str) -> str:
    """Path of the shared library `name` ('gdal', 'geos_c') beside rasterio. Raises ImproperlyConfigured if absent."""
    folder = Path(rasterio.__file__).parent.parent / "rasterio.libs"
    found = sorted(folder.glob(f"lib{name}-*.so*")) or sorted(folder.glob(f"lib{name}.so*"))
    if not found:
        raise ImproperlyConfigured(
            f"rasterio's wheel has no lib{name}. Install the wheel that requirements.txt pins, not a source build."
        )
    return str(found[0])
