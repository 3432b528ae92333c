"""What happens on the ground, as pure rules: states of cells, sites, life cycles. No Django, no database."""
