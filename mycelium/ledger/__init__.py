"""What is counted: of which actor, how long it took, and the proof that nothing is lost."""
