"""How modules come in: by the name that a command line gives, and later, so that a service stays light."""
