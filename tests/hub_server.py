"""A small Hub on loopback: enough of its HTTP interface to create a repository and upload into it, token checked.

What it does not have: xet storage, so the tests switch that off and files go the older way (git-LFS).
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_good"
READ_ONLY = "hf_readonly"


@dataclass
class FakeHub:
    """Repositories by name, and every request that came."""

    url: str = ""
    user: str = "linh"
    private: dict[str, bool] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    """SHA-256 → what was uploaded as a large file."""
    calls: list[str] = field(default_factory=list)
    broken: str = ""
    """A part of a path that answers with error 500."""


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def log_message(self, format: str, *args: Any) -> None:
        """Not into the test's output."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def _answer(self, verb: str) -> None:
        hub, body = self.hub, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        hub.calls.append(f"{verb} {path}")
        if hub.broken and hub.broken in path:
            return self._send(500, {"error": "the Hub is tired"})
        if path.startswith("/store/"):
            assert hashlib.sha256(body).hexdigest() == path.removeprefix("/store/")
            hub.stored[path.removeprefix("/store/")] = body
            return self._send(200, {})
        if path == "/api/validate-yaml":
            return self._send(200, {"errors": [], "warnings": []})
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in (TOKEN, READ_ONLY):
            return self._send(401, {"error": "Invalid username or password."})
        if path == "/api/whoami-v2":
            return self._send(200, {"name": hub.user, "type": "user", "orgs": []})
        if verb == "POST" and token == READ_ONLY:
            return self._send(403, {"error": "You don't have the rights"})
        return self._repository(verb, path, body)

    def _repository(self, verb: str, path: str, body: bytes) -> None:
        hub = self.hub
        if path == "/api/repos/create":
            asked = json.loads(body)
            owner = asked.get("organization") or hub.user
            name = f"{owner}/{asked['name']}"
            if owner != hub.user:
                return self._send(403, {"error": f"You don't have the rights to create a model under {owner}"})
            hub.private[name], hub.files[name] = asked.get("visibility") == "private" or bool(asked.get("private")), {}
            return self._send(200, {"url": f"{hub.url}/{name}"})
        parts = path.removeprefix("/api/models/").removesuffix(".git/info/lfs/objects/batch").strip("/").split("/")
        name = "/".join(parts[:2])
        if name not in hub.private:
            return self._send(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        if path.endswith("/objects/batch"):
            objects = json.loads(body)["objects"]
            answers = [{**each, "actions": {"upload": {"href": f"{hub.url}/store/{each['oid']}"}}} for each in objects]
            return self._send(200, {"transfer": "basic", "objects": answers})
        if "preupload" in parts:
            files = json.loads(body)["files"]
            mode = [{"path": f["path"], "uploadMode": _mode(f["path"]), "shouldIgnore": False} for f in files]
            return self._send(200, {"files": mode})
        if "commit" in parts:
            return self._commit(name, body)
        info = {"id": name, "modelId": name, "private": hub.private[name], "sha": "0" * 40, "siblings": [], "tags": []}
        return self._send(200, info)

    def _commit(self, name: str, body: bytes) -> None:
        for line in body.decode().splitlines():
            part = json.loads(line)
            value = part["value"]
            if part["key"] == "file":
                self.hub.files[name][value["path"]] = base64.b64decode(value["content"])
            elif part["key"] == "lfsFile":
                self.hub.files[name][value["path"]] = self.hub.stored[value["oid"]]
        url = f"{self.hub.url}/{name}/commit/{'1' * 40}"
        return self._send(200, {"success": True, "commitOid": "1" * 40, "commitUrl": url, "hookOutput": ""})

    def _send(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for header, value in (headers or {}).items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(content)


def _mode(path: str) -> str:
    return "lfs" if path.endswith((".safetensors", ".bin")) else "regular"


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """A Hub that lives as long as the block, on a free port of loopback."""
    hub = FakeHub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
