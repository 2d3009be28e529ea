"""Questions of people answered from what is stored: numbers come from the database, never from a language model."""
