"""Internationalised names, offline and pure: the forms of a label, and what may be wrong."""
