"""How fast books become figures."""
