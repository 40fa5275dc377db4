#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A registry that lies.

usage: registry.py FOLDER

Serves one repository for each case of the table CASES on two ports of 127.0.0.1 and one of
127.0.0.2, writes FOLDER/address (the main one) when it listens, and into FOLDER/requests one line
for each request: port, method, path, Authorization header. It ends with its parent.
"""

import base64
import gzip
import hashlib
import http.server
import json
import os
import sys
import tarfile
import threading
import urllib.parse
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "images"))
from oci import MEDIA, Layer, digest_of  # noqa: E402

CANARY = os.environ.get("CANARY", "/tmp/canary")
MIB = 1 << 20
LAYER = MEDIA + "layer.v1.tar+gzip"


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


CASES = {}


class Image:
    """An image of one or more layers; a case changes what it wants to lie about."""

    def __init__(self, *layers, **config):
        self.blobs = {}
        self.layers = []
        diffs = []
        for layer in layers or (Layer().file("file", "content\n"),):
            data = layer.tar(False) if isinstance(layer, Layer) else layer
            diffs.append(digest_of(data))
            self.layers.append(self.put(gzip.compress(data, 6, mtime=0), LAYER))
        self.config = {"architecture": "amd64", "os": "linux", "config": config,
                       "rootfs": {"type": "layers", "diff_ids": diffs}}
        self.media = MEDIA + "manifest.v1+json"
        self.headers = {}
        self.answer = None

    def put(self, data, media):
        digest = digest_of(data)
        self.blobs[digest] = data
        return {"mediaType": media, "digest": digest, "size": len(data)}

    def manifest(self):
        config = self.put(json.dumps(self.config).encode(), MEDIA + "config.v1+json")
        return {"schemaVersion": 2, "mediaType": self.media, "config": config,
                "layers": self.layers}

    def document(self):
        return json.dumps(self.manifest()).encode()


class Raw(Image):
    """An image whose manifest is the bytes that are given."""

    def __init__(self, document, media=None):
        super().__init__()
        self.raw = document
        self.media = media or self.media

    def document(self):
        return self.raw


class Endless:
    """A body without end, as a stream of one repeated piece."""

    def __init__(self, start, piece, declared=None):
        self.start, self.piece, self.declared = start, piece, declared


# --- one that is right, or nothing below proves anything -------------------------------------------

@case
def honest():
    return Image(Layer().folder("bin").file("bin/x", "x", mode=0o755).symlink("y", "bin/x"))


# --- digests and sizes -----------------------------------------------------------------------------

@case
def layer_of_other_content():
    image = Image()
    digest = image.layers[0]["digest"]
    image.blobs[digest] = gzip.compress(Layer().file("file", "changed\n").tar(), 6, mtime=0)
    return image


@case
def layer_of_other_content_same_size():
    image = Image()
    digest = image.layers[0]["digest"]
    data = bytearray(image.blobs[digest])
    data[-1] ^= 1
    image.blobs[digest] = bytes(data)
    return image


@case
def config_of_other_content():
    image = Image()
    image.manifest()
    digest = image.manifest()["config"]["digest"]
    original = image.blobs[digest]
    image.put = lambda data, media: {"mediaType": media, "digest": digest, "size": len(original)}
    image.blobs[digest] = original.replace(b"amd64", b"amd46")
    return image


@case
def diff_id_of_other_content():
    image = Image()
    image.config["rootfs"]["diff_ids"] = ["sha256:" + "1" * 64]
    return image


@case
def fewer_diff_ids_than_layers():
    image = Image(Layer().file("a", "1"), Layer().file("b", "2"))
    image.config["rootfs"]["diff_ids"].pop()
    return image


@case
def layer_longer_than_said():
    image = Image()
    image.layers[0]["size"] -= 10
    return image


@case
def layer_shorter_than_said():
    image = Image()
    image.layers[0]["size"] += 10
    return image


@case
def layer_of_negative_size():
    image = Image()
    image.layers[0]["size"] = -1
    return image


@case
def layer_of_enormous_size():
    image = Image()
    image.layers[0]["size"] = 1 << 62
    return image


@case
def layer_without_end():
    image = Image()
    digest = image.layers[0]["digest"]
    image.blobs[digest] = Endless(image.blobs[digest], b"\0" * MIB)
    return image


@case
def layer_cut_off():
    image = Image()
    digest = image.layers[0]["digest"]
    image.blobs[digest] = Endless(image.blobs[digest][:20], b"", len(image.blobs[digest]))
    return image


def with_digest(digest):
    image = Image()
    image.layers[0]["digest"] = digest
    return image


for number, text in enumerate((
        "sha256:../../../../etc/passwd", "sha256:" + "0" * 63, "sha256:" + "A" * 64, "md5:" + "0" * 32,
        "sha256:" + "0" * 63 + "/", "sha256", "", "sha256:" + "0" * 64 + "\n", 7, None)):
    CASES[f"digest-{number}"] = lambda text=text: with_digest(text)


# --- manifests -------------------------------------------------------------------------------------

@case
def manifest_without_end():
    return Raw(Endless(b'{"schemaVersion": 2, "x": "', b"x" * MIB))


@case
def manifest_of_four_gibibytes():
    return Raw(Endless(b'{"schemaVersion": 2, "x": "', b"x" * MIB, 4 << 30))


@case
def manifest_of_a_million_layers():
    image = Image()
    image.layers = image.layers * 60000
    return image


@case
def manifest_nested_without_end():
    return Raw(b"[" * 100000)


@case
def manifest_that_is_no_json():
    return Raw(b"<html>it works</html>")


@case
def manifest_cut_off():
    return Raw(Image().document()[:100])


@case
def manifest_that_is_empty():
    return Raw(b"")


@case
def manifest_and_index_in_one():
    image = Image()
    document = image.manifest()
    document["manifests"] = [dict(image.layers[0], platform={"architecture": "amd64", "os": "linux"})]
    raw = Raw(json.dumps(document).encode())
    raw.blobs.update(image.blobs)
    return raw


@case
def manifest_said_to_be_an_index():
    image = Image()
    raw = Raw(image.document(), MEDIA + "index.v1+json")
    raw.blobs.update(image.blobs)
    return raw


@case
def manifest_of_unknown_kind():
    raw = Raw(Image().document().replace(b"manifest.v1+json", b"nonsense.v9+json"),
              "application/x-nonsense")
    return raw


@case
def index_that_names_itself():
    digest = "sha256:" + "2" * 64
    document = {"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json", "manifests": [
        {"mediaType": MEDIA + "index.v1+json", "digest": digest, "size": 300,
         "platform": {"architecture": "amd64", "os": "linux"}}]}
    raw = Raw(json.dumps(document).encode(), MEDIA + "index.v1+json")
    return raw


@case
def index_for_other_machines():
    document = {"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json", "manifests": [
        {"mediaType": MEDIA + "manifest.v1+json", "digest": "sha256:" + "3" * 64, "size": 300,
         "platform": {"architecture": "s390x", "os": "linux"}}]}
    return Raw(json.dumps(document).encode(), MEDIA + "index.v1+json")


@case
def schema_one():
    return Raw(b'{"schemaVersion": 1, "fsLayers": [], "history": []}',
               "application/vnd.docker.distribution.manifest.v1+prettyjws")


@case
def foreign_layer():
    image = Image()
    image.layers[0]["urls"] = [f"http://127.0.0.2:{Server.ports[2]}/stolen"]
    image.blobs.pop(image.layers[0]["digest"])
    return image


@case
def config_of_wrong_types():
    image = Image()
    image.config["config"] = {"Env": "A=b", "Cmd": {"a": 1}, "User": 7}
    return image


@case
def config_without_end():
    image = Image()
    document = image.manifest()
    raw = Raw(json.dumps(document).encode())
    raw.blobs.update(image.blobs)
    raw.blobs[document["config"]["digest"]] = Endless(b'{"x": "', b"x" * MIB)
    return raw


# --- layers that want out --------------------------------------------------------------------------

def escape(name, *layers):
    CASES["escape-" + name] = lambda: Image(*(layer() for layer in layers))


UP = "../" * 20
OUT = CANARY.lstrip("/")
escape("dots", lambda: Layer().file(UP + OUT + "/file", "evil\n"))
escape("dots-inside", lambda: Layer().folder("a").file("a/" + UP + OUT + "/file", "evil\n"))
escape("absolute", lambda: Layer().file(CANARY + "/file", "evil\n"))
escape("symlink-parent", lambda: Layer().symlink("link", CANARY).file("link/file", "evil\n"))
escape("symlink-parent-dots",
       lambda: Layer().symlink("link", UP + OUT).file("link/file", "evil\n"))
escape("symlink-parent-in-a-lower-layer", lambda: Layer().symlink("link", CANARY),
       lambda: Layer().file("link/file", "evil\n"))
escape("symlink-of-symlink", lambda: Layer().symlink("a", "b").symlink("b", CANARY)
       .file("a/file", "evil\n"))
escape("symlink-then-same-name", lambda: Layer().symlink("x", CANARY + "/file")
       .add("./x", data=b"evil\n", mode=0o644))
escape("hardlink-out", lambda: Layer().hardlink("h", CANARY + "/file"))
escape("hardlink-dots", lambda: Layer().hardlink("h", UP + OUT + "/file"))
escape("hardlink-then-write", lambda: Layer().hardlink("h", UP + OUT + "/file")
       .add("./h", data=b"evil\n", mode=0o644))
escape("hardlink-through-symlink", lambda: Layer().symlink("link", CANARY)
       .hardlink("h", "link/file").add("./h", data=b"evil\n", mode=0o644))
escape("mode-through-symlink", lambda: Layer().symlink("x", CANARY + "/file")
       .add("./x", tarfile.DIRTYPE, mode=0o777))
escape("whiteout-out", lambda: Layer().file(UP + OUT + "/.wh.file", ""))
escape("whiteout-through-symlink", lambda: Layer().symlink("link", CANARY)
       .file("link/.wh.file", ""))
escape("whiteout-of-dots", lambda: Layer().folder("a").file("a/.wh...", "").file("a/.wh..", "")
       .file("a/.wh.", ""))
escape("opaque-through-symlink", lambda: Layer().symlink("link", CANARY)
       .file("link/.wh..wh..opq", ""))
escape("root-is-a-symlink", lambda: Layer().add(".", tarfile.SYMTYPE, link=CANARY)
       .file("file", "evil\n"))
escape("root-is-a-file", lambda: Layer().file("./", "evil\n").file("file", "evil\n"))
escape("fifo-and-device-parents", lambda: Layer().add("f", tarfile.FIFOTYPE)
       .file("f/file", "evil\n"))


@case
def xattr_that_redirects():
    layer = Layer().folder("d", pax_headers={
        "SCHILY.xattr.trusted.overlay.redirect": "/../../../.." + CANARY,
        "SCHILY.xattr.trusted.overlay.opaque": "y"}).file("d/x", "x")
    return Image(layer)


# --- layers that want all the room ----------------------------------------------------------------

class Bomb:
    """A gzip stream of zeros after a tar header that announces them, made piece by piece."""

    def __init__(self, size):
        self.size = size

    def stream(self):
        info = tarfile.TarInfo("zeros")
        info.size = self.size
        pack = zlib.compressobj(9, zlib.DEFLATED, 31)
        yield pack.compress(info.tobuf(tarfile.GNU_FORMAT))
        piece = b"\0" * (4 * MIB)
        for _ in range(self.size // len(piece)):
            yield pack.compress(piece)
        yield pack.flush()


@case
def bomb_of_the_wrong_digest():
    image = Image()
    image.blobs[image.layers[0]["digest"]] = Bomb(8 << 30)
    image.layers[0]["size"] = 9 * MIB
    return image


@case
def name_of_a_megabyte():
    return Image(Layer().file("x" * MIB, "x"))


@case
def header_of_many_megabytes():
    return Image(Layer().file("x", "x", pax_headers={"comment": "y" * (40 * MIB)}))


@case
def deep_folders():
    return Image(Layer().file("d/" * 3000 + "x", "x"))


def sparse_header():
    """A GNU sparse file that says it is enormous."""
    info = tarfile.TarInfo("sparse")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
                        "GNU.sparse.name": "sparse", "GNU.sparse.realsize": str(1 << 60)}
    body = b"1\n%d\n512\n" % ((1 << 60) - 512)
    info.size = 512 + 512
    return info.tobuf(tarfile.PAX_FORMAT) + body.ljust(512, b"\0") + b"x" * 512 + b"\0" * 1024


@case
def sparse_without_end():
    return Image(sparse_header())


@case
def tar_of_noise():
    return Image(bytes((i * 7919 + i // 251) % 256 for i in range(100000)))


@case
def gzip_of_noise():
    image = Image()
    data = b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + bytes((i * 31) % 256 for i in range(5000))
    image.layers = [image.put(data, LAYER)]
    return image


@case
def gzip_cut_off():
    image = Image()
    data = image.blobs[image.layers[0]["digest"]][:-12]
    image.layers = [image.put(data, LAYER)]
    return image


@case
def zstd_of_noise():
    image = Image()
    data = b"\x28\xb5\x2f\xfd" + bytes((i * 31) % 256 for i in range(5000))
    image.layers = [image.put(data, MEDIA + "layer.v1.tar+zstd")]
    return image


# --- where the credentials go ----------------------------------------------------------------------

def challenge(realm):
    return lambda request: request.send(
        401, b"{}", {"WWW-Authenticate": f'Bearer realm="{realm}",service="x",scope="y"'})


def answering(name, answer):
    def make():
        image = Image()
        image.answer = answer()
        return image
    CASES[name] = make


answering("realm-on-another-host",
          lambda: challenge(f"http://127.0.0.2:{Server.ports[2]}/token"))
answering("realm-that-is-a-file", lambda: challenge("file:///etc/passwd"))
answering("realm-that-is-no-url", lambda: challenge("///"))
answering("realm-with-a-line-break", lambda: challenge("http://127.0.0.2\\r\\nX: y/"))
answering("realm-without-end", lambda: challenge("http://127.0.0.1/" + "x" * 60000))
answering("challenge-for-ever", lambda: lambda request: request.send(
    401, b"{}", {"WWW-Authenticate": 'Basic realm="again"'}))
answering("redirect-to-another-host", lambda: lambda request: request.send(
    307, b"", {"Location": f"http://127.0.0.2:{Server.ports[2]}{request.path}"}))
answering("redirect-in-a-circle", lambda: lambda request: request.send(
    307, b"", {"Location": request.path}))
answering("redirect-to-a-file", lambda: lambda request: request.send(
    307, b"", {"Location": "file:///etc/passwd"}))
answering("headers-without-end", lambda: lambda request: request.flood())
answering("error-of-many-megabytes", lambda: lambda request: request.send(
    500, b"x" * (64 * MIB)))
answering("error-with-escapes", lambda: lambda request: request.send(
    404, b'{"errors":[{"code":"X","message":"\\u001b[2Jevil\\nlevel=fatal"}]}'))
answering("status-that-is-no-number", lambda: lambda request: request.raw(
    b"HTTP/1.1 banana\r\n\r\n"))


# --- the server ------------------------------------------------------------------------------------

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    ports = []


class Request(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    images = {}
    lock = threading.Lock()

    def log_message(self, *_):
        pass

    def note(self):
        with self.lock, open(os.path.join(FOLDER, "requests"), "a") as out:
            out.write(f"{self.server.server_port} {self.command} {self.path[:200]} "
                      f"{self.headers.get('Authorization', '-')}\n")

    def send(self, status, body, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def raw(self, data):
        self.wfile.write(data)
        self.close_connection = True

    def flood(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(1 << 20):
            self.wfile.write(b"X-%d: %s\r\n" % (number, b"y" * 1000))

    def stream(self, body, media):
        self.send_response(200)
        self.send_header("Content-Type", media)
        self.close_connection = True
        if isinstance(body, Bomb):
            self.end_headers()
            for piece in body.stream():
                self.wfile.write(piece)
            return
        if body.declared is not None:
            self.send_header("Content-Length", str(body.declared))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body.start)
        sent = len(body.start)
        # Not quite endless, so that a client without a limit fails instead of hanging.
        while body.piece and sent < (4 << 30):
            self.wfile.write(body.piece)
            sent += len(body.piece)

    def body(self, body, media):
        if isinstance(body, (Endless, Bomb)):
            self.stream(body, media)
        else:
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            self.send(200, body, {"Content-Type": media, "Docker-Content-Digest": digest})

    def image(self, name):
        with self.lock:
            if name not in self.images:
                self.images[name] = CASES[name]()
            return self.images[name]

    def do_GET(self):
        self.note()
        try:
            self.respond(urllib.parse.urlsplit(self.path).path)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_HEAD = do_GET

    def respond(self, path):
        parts = path.strip("/").split("/")
        if path == "/v2/":
            return self.send(200, b"{}")
        if self.server.server_port == Server.ports[2]:
            return self.send(200, json.dumps({"token": "stolen"}).encode())
        if len(parts) != 4 or parts[0] != "v2" or parts[1] not in CASES:
            return self.send(404, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')
        image = self.image(parts[1])
        if image.answer:
            return image.answer(self)
        if parts[2] == "manifests":
            return self.body(image.document(), image.media)
        digest = urllib.parse.unquote(parts[3])
        if digest not in image.blobs:
            return self.send(404, b'{"errors":[{"code":"BLOB_UNKNOWN"}]}')
        return self.body(image.blobs[digest], "application/octet-stream")


def main():
    servers = [Server((host, 0), Request) for host in ("127.0.0.1", "127.0.0.1", "127.0.0.2")]
    Server.ports = [server.server_port for server in servers]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(os.path.join(FOLDER, "cases"), "w") as out:
        out.write("".join(name + "\n" for name in CASES))
    with open(os.path.join(FOLDER, "address.new"), "w") as out:
        out.write(f"127.0.0.1:{Server.ports[0]}\n")
    os.rename(os.path.join(FOLDER, "address.new"), os.path.join(FOLDER, "address"))
    # The other end of this pipe is with the test: it ends when the test does.
    sys.stdin.buffer.read()


if len(sys.argv) != 2:
    sys.exit(__doc__)
FOLDER = sys.argv[1]
main()
