"""
The rivals' programs, each as its documentation has it: ``python doors.py NAME door|worker``.

It runs in the rivals' own environment, where nothing of this project is installed. The door answers
once the alert is stored; the worker, another process, makes one GET for each.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import celery
import dbos
import procrastinate

QUEUE, WORK = "alerts", "look"


def look(alert: str) -> None:
    """Make the one GET, which names the alert."""
    cct = http.client.HTTPConnection("127.0.0.1", int(os.environ["SINK_PORT"]))
    headers = {"X-API-Key": os.environ["X_API_KEY"]}
    cct.request("GET", f"/api/v1/canary/status?alert={alert}", headers=headers)
    cct.getresponse().read()
    cct.close()


def serve(store: Callable[[str], object]) -> None:
    """Answer POSTs, each once ``store`` has come back."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            """Take one alert."""
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            store(body["alerts"][0]["labels"]["id"])
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 1024

    Server(("127.0.0.1", int(os.environ["DOOR_PORT"])), Door).serve_forever()


def procrastinate_side(role: str) -> None:
    """Run it with its defaults: a worker that PostgreSQL notifies."""
    store = os.environ["STORE"].replace("+psycopg", "")
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=store))
    work = app.task(name=WORK, queue=QUEUE)(look)
    if role == "door":
        with app.open():
            serve(lambda alert: work.defer(alert=alert))
    else:
        with app.open():
            app.schema_manager.apply_schema()
        app.run_worker()


def dbos_side(role: str) -> None:
    """Run a queue of DBOS with its defaults: it is asked for work each second."""
    if role == "door":
        client = dbos.DBOSClient(system_database_url=os.environ["STORE"])
        options = {"queue_name": QUEUE, "workflow_name": WORK}
        serve(lambda alert: client.enqueue(options, alert))
        return
    config = {"name": "alerts", "system_database_url": os.environ["STORE"]}
    dbos.DBOS(config=config)
    dbos.DBOS.workflow(name=WORK)(look)
    dbos.DBOS.launch()
    dbos.DBOS.register_queue(QUEUE)
    threading.Event().wait()


def celery_side(role: str) -> None:
    """Run Celery with its defaults, on a Redis that writes to disk before it answers."""
    app = celery.Celery(broker=os.environ["STORE"])
    app.task(name=WORK, ignore_result=True)(look)
    if role == "door":
        serve(lambda alert: app.send_task(WORK, [alert]))
    else:
        app.worker_main(["worker", "--loglevel=WARNING"])


SIDES = {"procrastinate": procrastinate_side, "dbos": dbos_side, "celery": celery_side}

if __name__ == "__main__":
    SIDES[sys.argv[1]](sys.argv[2])
