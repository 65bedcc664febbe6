"""A worker's stand-in for tests of the run: answers the public views, and settles when it is told to drain.

Until SIGUSR1 one of the ten readings that it says it received is not in MongoDB. It ends after the first
look at its figures if it is called with `crash`.
"""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

METRICS = """\
# TYPE iss_feed_received counter
iss_feed_received_total{{source="simulated"}} 10.0
# TYPE iss_archive_documents counter
iss_archive_documents_total{{outcome="stored",topic="telemetry.raw.v1"}} {stored}.0
iss_archive_documents_total{{outcome="duplicate",topic="telemetry.raw.v1"}} 1.0
"""

stored = 8


def drain(_number: int, _frame: object) -> None:
    global stored  # noqa: PLW0603 - a signal handler has no other place
    stored = 9


class Views(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/metrics" and "crash" in sys.argv:
            sys.stderr.write("out of order\n")
            os._exit(3)
        body = METRICS.format(stored=stored) if self.path == "/metrics" else '{"parts": {}}'
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, drain)
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["ISS_WEB_PORT"])), Views).serve_forever()
