"""Made by stubs.py from foldwise/v1."""
