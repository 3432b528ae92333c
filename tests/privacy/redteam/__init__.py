"""The red team: attackers who use HTTP and nothing else, worlds to attack, leaky servers to prove that they can, a figure.

`python -m tests.privacy.redteam` (or `make redteam`) runs it; docs/red-team.md says what each part does. An attacker
imports nothing of the product but the lattice: whatever it knows, it was told by a server or is public.
"""
