"""What goes into production, and what a driver does about it beside healing."""
