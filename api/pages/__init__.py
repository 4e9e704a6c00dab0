"""What the pages that browsers are shown have in common."""
