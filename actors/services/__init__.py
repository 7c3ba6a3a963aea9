"""Services: each a piece of plain logic and a thin actor around it."""
