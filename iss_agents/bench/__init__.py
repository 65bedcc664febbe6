"""How fast it is: every stage beside the least that the same work can cost, in one run."""
