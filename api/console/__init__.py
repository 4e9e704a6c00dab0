"""The console: the page at `/console`, which is a client of the public API like any other."""
