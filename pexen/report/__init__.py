"""Reports of a run: formats that other programs read, a page for people, and the terminal's line.

Each is a module, and is imported from there: none needs the others.
"""
