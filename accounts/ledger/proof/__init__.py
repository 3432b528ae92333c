"""What makes the ledger provable (pure): canonical bytes, the Merkle tree, signed checkpoints, witnesses, proofs.

Knows the standard library and `cryptography`, and nothing of Django, the database or the rest of Penumbra, so that a
witness elsewhere can run it alone. docs/verify/penumbra_verify.py says the same things a second time, on purpose.
"""
