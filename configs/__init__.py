"""Settings of the actors in `actors`, and the topology files that wire them."""
