import os
from collections.abc import Iterable
from tempfile import SpooledTemporaryFile
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.core.wsgi import get_wsgi_application

from config.limits import LIMITS

COPIED_AT_ONCE = 65_536
IN_MEMORY_BYTES = 1_000_000
TOO_LONG = str(10**12)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class ChunkedBodies:
    """Gives a chunked body its length: Django reads nothing from a body that announces none."""

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING", "").lower() != "chunked":
            return self.application(environ, start_response)
        with SpooledTemporaryFile(IN_MEMORY_BYTES) as body:
            while body.tell() <= LIMITS.chunked_bytes and (chunk := environ["wsgi.input"].read(COPIED_AT_ONCE)):
                body.write(chunk)
            environ["CONTENT_LENGTH"] = str(body.tell()) if body.tell() <= LIMITS.chunked_bytes else TOO_LONG
            body.seek(0)
            environ["wsgi.input"] = body
            return self.application(environ, start_response)


application = ChunkedBodies(get_wsgi_application())
