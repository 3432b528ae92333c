"""Who may know what, how sharply: the rule table, the arithmetic of blocks, the shapes that may leave, the door."""
