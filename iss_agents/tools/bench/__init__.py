"""Benchmark: every stage, compared with the least that the same work can cost, in one run."""
