"""The verbs of the `fastgrasp` command: one module each, with a function main(argv) -> exit code."""
