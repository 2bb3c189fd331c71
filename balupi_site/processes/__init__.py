"""What keeps web and worker at work: who leads, when beat ticks, what to survive, when to start again."""
