"""The page that the NAS built: installed here, served here, and answered what it asks any server."""
