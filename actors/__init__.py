"""Market-data services written on Mycelium, the way a user would write theirs."""
