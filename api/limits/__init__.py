"""What documents may ask for, what it costs, and how much of that anyone may spend."""
