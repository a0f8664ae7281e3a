"""The runtime: which versions are loaded, and how requests run on them; knows no protocol."""
