"""The ledger: an append-only record of every disclosure, refusal and change of rights.

Order of events: an entry is written and committed through its own connection before anything is read; what left is
written in a completion. An entry that cannot be written means no answer. Holds no place outside `ledger.disclosure`.
"""
