"""What ormb's functions raise."""


class ORMBLoginError(Exception):
    """The registry did not take the sign-in, or could not be reached."""

    def __init__(self, hostname: str, username: str, stderr: str) -> None:
        super().__init__(f"Login to {hostname} as '{username}' failed with stderr:\n{stderr}")


class ORMBSaveError(Exception):
    """The folder is no model as ormb wants it, or could not be read."""

    def __init__(self, src: str, reference: str, stderr: str) -> None:
        super().__init__(f"Saving '{src}' as '{reference}' failed with stderr:\n{stderr}")


class ORMBPushError(Exception):
    """The model is not in the cache, or the registry did not take it."""

    def __init__(self, reference: str, stderr: str) -> None:
        super().__init__(f"Pushing '{reference}' failed with stderr:\n{stderr}")


class ORMBPullError(Exception):
    """The registry did not give the model, or it is none of ormb's."""

    def __init__(self, reference: str, stderr: str) -> None:
        super().__init__(f"Pulling '{reference}' failed with stderr:\n{stderr}")


class ORMBExportError(Exception):
    """The model is not in the cache, or its files could not be written."""

    def __init__(self, reference: str, destination: str, stderr: str) -> None:
        super().__init__(
            f"Exporting '{reference}' to '{destination}' failed with stderr:\n{stderr}")


class ORMBRemoveError(Exception):
    """The model is not in the cache."""

    def __init__(self, reference: str, stderr: str) -> None:
        super().__init__(f"Removing '{reference}' failed with stderr:\n{stderr}")
