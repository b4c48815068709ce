"""A relying app to try the adapter with: who is logged in, how surely, for how long, and a page that asks for more."""
