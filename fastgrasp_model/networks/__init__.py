"""The networks of the default model, one file each."""
