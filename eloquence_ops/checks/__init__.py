"""Judgements: pure functions from observations to outcomes, one module an area."""
