"""Errors a person can act on: each message is one sentence that says what, where, and what to do."""


class UserError(ValueError):
    """Something outside the program is not as it must be; a command line prints the message and exits with 1."""


class ConfigError(UserError):
    """A setting or argument that cannot be used; a command line exits with 2."""


class CheckpointError(UserError):
    """A checkpoint that is missing, damaged or of another kind."""


class DivergedError(UserError):
    """Training left the numbers: a loss is infinite or not a number."""


class CollapsedError(UserError):
    """A watch stopped training: a figure stayed out of the bounds that the configuration gives it."""


class RewardError(UserError):
    """A reward that fails, or gives anything but one number from 0 to 1, or NaN, for each string."""


class DataError(UserError):
    """A data set that cannot be used: the message names the file and the way out."""


class RunError(UserError):
    """A run folder that cannot be used as asked."""
