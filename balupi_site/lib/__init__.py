"""The floor: what every app may use. Imports no app and no models."""
