"""Templates in Jinja2's language.

Jinja2 reads the text, and that is all of it that is used: no code is generated, nothing
of its run time is reached. What was read is checked node by node against a list, and
evaluated here, over plain data and the functions of the library.
"""
