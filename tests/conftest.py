"""Its presence lets every test import what lies beside it, such as `house`."""
