"""Factories: objects that, called with an input, yield tasks; they run before execution."""
