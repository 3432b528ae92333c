"""The door: the one package through which locations leave, and through which everything else is read.

Every reading goes the same way: rule, scope, a committed ledger entry, the vault with the ticket or the release
tables, a shape of `privacy/released`. No entry, no answer. Only this package builds a shape that carries places.
"""
