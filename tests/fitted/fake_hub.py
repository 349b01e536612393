"""A stand-in for the Hugging Face Hub: the few endpoints that `huggingface_hub` calls."""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class FakeHub:
    """Repositories by name, each a list of commits, the newest last: `{path: bytes}`."""

    def __init__(self):
        self.commits, self.private, self.asked = {}, {}, []

    def commit(self, name, files):
        self.commits.setdefault(name, []).append(files)

    def sha(self, name, place=-1):
        number = range(len(self.commits[name]))[place]
        return hashlib.sha1(f"{name} {number}".encode()).hexdigest()

    def files(self, name, revision):
        commits = self.commits[name]
        known = {self.sha(name, i): files for i, files in enumerate(commits)}
        return commits[-1] if revision == "main" else known[revision]


@contextmanager
def serving(hub, token="hf_right"):
    """Serves a hub on this machine, and gives its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self, status, body=b"", **headers):
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key.replace("_", "-"), value)
            if "Content_Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def body(self):
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def do_POST(self):
            said, path = self.body(), self.path.partition("?")[0]
            hub.asked.append(f"POST {path}")
            if self.headers.get("Authorization") != f"Bearer {token}":
                return self.answer(401, {"error": "Invalid token"})
            if path == "/api/validate-yaml":
                return self.answer(200, {"errors": [], "warnings": []})
            if path == "/api/repos/create":
                asked = json.loads(said)
                name = f"{asked.get('organization') or 'user'}/{asked['name']}"
                known = name in hub.commits
                private = asked.get("private") or asked.get("visibility") == "private"
                hub.private.setdefault(name, private)
                hub.commits.setdefault(name, [{".gitattributes": b"*.keras lfs\n"}])
                made = {"url": f"{address}/{name}", "name": name, "id": name}
                return self.answer(409 if known else 200, made)
            name, what = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(\w+)/main", path).groups()
            if what == "preupload":
                files = json.loads(said)["files"]
                modes = [
                    {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for f in files
                ]
                return self.answer(200, {"files": modes})
            files = dict(hub.commits[name][-1])
            for line in map(json.loads, said.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                if line["key"] == "deletedFile":
                    del files[value["path"]]
            hub.commit(name, files)
            made = {"commitOid": hub.sha(name), "commitUrl": f"{address}/{name}/commit/1"}
            return self.answer(200, made)

        def do_GET(self):
            path = unquote(self.path.partition("?")[0])
            hub.asked.append(f"{self.command} {path}")
            if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(\w+)/([^/]+))?/?", path):
                name, what, revision = found.groups()
                try:
                    files = hub.files(name, revision or "main")
                except KeyError:
                    code = "RepoNotFound" if name not in hub.commits else "RevisionNotFound"
                    return self.answer(404, {"error": "none"}, X_Error_Code=code)
                shas = {path: hashlib.sha1(content).hexdigest() for path, content in files.items()}
                if what == "tree":
                    return self.answer(
                        200,
                        [
                            {"type": "file", "path": p, "size": len(c), "oid": shas[p]}
                            for p, c in files.items()
                        ],
                    )
                commits = [hub.sha(name, i) for i in range(len(hub.commits[name]))]
                sha = commits[-1] if revision in (None, "main") else revision
                siblings = [{"rfilename": path} for path in files]
                said = {"id": name, "modelId": name, "sha": sha, "siblings": siblings}
                return self.answer(200, {**said, "private": False, "tags": [], "downloads": 0})
            if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                name, revision, file = found.groups()
                content = hub.files(name, revision)[file]
                headers = {
                    "ETag": f'"{hashlib.sha1(content).hexdigest()}"',
                    "X_Repo_Commit": hub.sha(name) if revision == "main" else revision,
                    "Content_Length": str(len(content)),
                }
                return self.answer(200, content, **headers)
            return self.answer(404, {"error": path})

        do_HEAD = do_GET  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
