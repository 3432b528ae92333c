"""Who may see how sharply, now: verbs on schema `access`. Rows are read here, and changed only by the functions of the
schema, which take the token of whoever acts. Knows no place and may not import the vault, the door or anything above.
"""
