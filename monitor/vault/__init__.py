"""The vault: exact tables, feature store and tickets. It offers verbs, not tables, and there is no model of its rows.

Only `privacy/door` (out) and `services` (in) may import it. What a verb returns to a service is an id or a count, never
a place; what it returns to the door was paid for with a ticket.
"""
