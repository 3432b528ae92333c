"""Django's PostGIS backend, with connections whose health costs no question."""
