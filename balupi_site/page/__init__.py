"""The page people look at: its parts, what a visitor chose to see, and how it stays fresh."""
