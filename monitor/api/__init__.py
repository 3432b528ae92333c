"""HTTP: asks in, shapes out. Every view is a DoorView; none knows a model, the vault, rasterio or scikit-learn."""
