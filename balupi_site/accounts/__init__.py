"""Who is who: the NAS's users, also while it sleeps, and the tokens that we hand out."""
