"""Services: every change of state happens here, each in one function with a transaction and a ledger entry of its own.

They are the way into the vault: they hand it values and get back ids and counts, never places.
"""
