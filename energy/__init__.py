"""Plugs, power and energy: polling, samples, hours."""
