"""The root of every error that Mattery itself raises.

    MatteryError
    ├── EngineError       processing/engine/errors.py   the image or the network
    ├── AccountError      accounts/errors.py            who asks, and how much is left
    ├── ProcessingError   processing/errors.py          jobs, workers, storage, fetching
    └── RequestError      api/errors.py                 the HTTP request itself

Each class states a stable `code`, the HTTP `status` that every API dialect answers with, a `title`, and
whether the same request may succeed later (`is_retryable`). The message says what to do next; `param` names the option
at fault, where one is.
"""

from collections.abc import Iterator
from typing import ClassVar


class MatteryError(Exception):
    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong on our side"
    is_retryable: ClassVar[bool] = False
    usual_detail: ClassVar[str] = ""
    usual_retry_after_s: ClassVar[int | None] = None
    param: str | None = None

    def __init__(self, detail: str = "", *, retry_after_s: int | None = None, param: str | None = None) -> None:
        self.detail = detail or self.usual_detail or self.title
        self.param = param or self.param
        self.retry_after_s = retry_after_s or self.usual_retry_after_s
        super().__init__(self.detail)

    @classmethod
    def concrete(cls) -> Iterator[type["MatteryError"]]:
        """Every class below this one that states a code of its own."""
        for child in cls.__subclasses__():
            if "code" in child.__dict__:
                yield child
            yield from child.concrete()
