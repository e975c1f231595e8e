"""Made by stubs.py from foldwise/rpc."""
