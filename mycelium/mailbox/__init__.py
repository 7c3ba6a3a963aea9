"""Where messages wait: what lies in a mailbox, its bounds, what becomes of too much, and its end."""
