"""The move from SQLite to PostgreSQL: all of it, compared row by row, or nothing."""
