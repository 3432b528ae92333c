"""The published coarse tables: written whole by a batch, read by the door. No way leads from here to the vault.

May import the pure rooms of privacy only.
"""
