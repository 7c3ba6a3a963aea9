"""Actors: what they are, their refs, their lives, and all that one of them may do."""
