"""What happened in the house and who did it: one log, which only grows."""
