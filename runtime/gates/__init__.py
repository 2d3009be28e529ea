"""Gates: opening, deciding, delegating, reminding, escalating."""
