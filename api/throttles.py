"""Each request counts against the plan's rates (accounts/rates.py), here before its body is read; an image counts for
its megapixels once these are known."""

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts import rates
from accounts.callers import Caller


class PlanThrottle(BaseThrottle):
    def allow_request(self, request: Request, _view: object) -> bool:
        if isinstance(request.user, Caller):
            rates.spend(request.user, 1)
        return True
