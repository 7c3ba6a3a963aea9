"""Simulated venues and pools: reproducible input for when there is no other."""
