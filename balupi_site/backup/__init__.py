"""Backups of the database: made by night, verified, thinned out, put back."""
