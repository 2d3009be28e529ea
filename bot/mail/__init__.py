"""Letters: the e-mail channel."""
