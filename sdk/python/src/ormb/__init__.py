"""The functions of ormb's Python package, on `slipway ormb`.

    import ormb
    ormb.login("registry.example", "me", password, insecure=False)
    ormb.save("./model", "registry.example/team/fraud:v1")
    ormb.push("registry.example/team/fraud:v1")

The program is $SLIPWAY_BINARY, else `slipway` on PATH. Each function returns when it is done, and
raises its own exception, with what the program said, when it could not do it.
"""

from ormb._exceptions import (
    ORMBExportError,
    ORMBLoginError,
    ORMBPullError,
    ORMBPushError,
    ORMBRemoveError,
    ORMBSaveError,
)
from ormb._api import export, login, pull, push, remove, save

__version__ = "0.1.0"

__all__ = [
    "ORMBExportError", "ORMBLoginError", "ORMBPullError", "ORMBPushError", "ORMBRemoveError",
    "ORMBSaveError", "export", "login", "pull", "push", "remove", "save",
]
