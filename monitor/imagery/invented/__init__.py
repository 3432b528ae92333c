"""An invented country: regions, rivers, forest, towns, mines, and what a satellite would see of them on two dates.

Room `imagery`, pure. For the first run of the service, for demonstrations and for tests; no place in it is real.
"""

from monitor.imagery.invented.country import InventedCountry, InventedMine, write_invented_country

__all__ = ["InventedCountry", "InventedMine", "write_invented_country"]
