"""What an actor class declares: the messages that it receives, handles and emits, and for whom."""
