"""The two names every other error and warning of pexen derives from."""


class PexenError(Exception):
    """Base of the errors that pexen itself raises."""


class PexenWarning(UserWarning):
    """Base of the warnings that pexen itself issues."""
