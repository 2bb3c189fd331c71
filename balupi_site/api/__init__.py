"""The API of the Pi itself, and the description of all of it."""
