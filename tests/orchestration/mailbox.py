"""An SMTP server that keeps what it is sent: as much of RFC 5321 as a client needs to deliver a message."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from email.message import EmailMessage


class Mailbox(socketserver.ThreadingTCPServer):
    """Listens on a port of its own on 127.0.0.1 from ``with`` on, and stops at its end."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.received: list[tuple[list[str], EmailMessage]] = []
        """Recipients and message, in the order of arrival."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def __enter__(self) -> Mailbox:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        to: list[str] = []
        self._say("220 mailbox")
        while line := self.rfile.readline().decode().strip():
            match line.split()[0].upper():
                case "RCPT":
                    to.append(line.partition("<")[2].partition(">")[0])
                    self._say("250 known")
                case "DATA":
                    self._say("354 go on")
                    self._keep(to)
                    to = []
                    self._say("250 taken")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 fine")

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def _keep(self, to: list[str]) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        assert isinstance(self.server, Mailbox)
        self.server.received.append((to, message))
