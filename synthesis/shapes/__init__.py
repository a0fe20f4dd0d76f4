"""Families of shapes: each public function of a module makes one from a random generator, in millimetres."""
