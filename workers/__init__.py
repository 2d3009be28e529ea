"""Workers act: they deliver the outbox, fire timers and measure. Messages carry ids only; every actor may run twice."""
