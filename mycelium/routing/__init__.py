"""Who gets what is emitted: the plan from the classes, the tables of running actors, and copies of one actor."""
