"""A browser-like driver over HTTP: people with their devices and typing hands, and the applications that they use."""
