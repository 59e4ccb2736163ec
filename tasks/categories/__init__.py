"""How bank lines get their account: each step a module that says yes or abstains (docs/categories.md)."""
