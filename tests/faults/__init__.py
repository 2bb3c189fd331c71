"""The whole product under a random sequence of faults, and what must hold all the while."""
