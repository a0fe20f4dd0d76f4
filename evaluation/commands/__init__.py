"""The command line's verbs of this room."""
