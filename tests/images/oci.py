# SPDX-License-Identifier: Apache-2.0
"""Writes OCI image layouts that depend on their input alone: same files, same digests."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile

CREATED = "2024-01-01T00:00:00Z"
MTIME = 1704067200
MEDIA = "application/vnd.oci.image."


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def architecture():
    return subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()


class Layer:
    """The files of one layer. Entries are written sorted, hard links last; the paths are taken as
    they are, so that a test can also write what no honest tool would."""

    def __init__(self, entries=None):
        self.entries = dict(entries or {})

    def copy(self):
        return Layer(self.entries)

    def add(self, path, kind=tarfile.REGTYPE, data=b"", link="", mode=0o755, owner=(0, 0), **more):
        info = tarfile.TarInfo(path)
        info.type, info.size, info.linkname, info.mode = kind, len(data), link, mode
        info.uid, info.gid = owner
        info.mtime = MTIME
        for name, value in more.items():
            setattr(info, name, value)
        self.entries[path] = (info, data)
        return self

    def folder(self, path, mode=0o755, **more):
        return self.add(path, tarfile.DIRTYPE, mode=mode, **more)

    def file(self, path, data, mode=0o644, **more):
        data = data.encode() if isinstance(data, str) else data
        return self.add(path, data=data, mode=mode, **more)

    def symlink(self, path, target, **more):
        return self.add(path, tarfile.SYMTYPE, link=target, mode=0o777, **more)

    def hardlink(self, path, target, **more):
        return self.add(path, tarfile.LNKTYPE, link=target, **more)

    def parents(self):
        """Adds the folders that are only implied."""
        for path in list(self.entries):
            while "/" in path:
                path = path.rpartition("/")[0]
                if path not in self.entries:
                    self.folder(path)
        return self

    def tar(self, ordered=True):
        out = io.BytesIO()
        rows = self.entries.values()
        if ordered:
            rows = sorted(rows, key=lambda row: (row[0].type == tarfile.LNKTYPE, row[0].name))
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for info, data in rows:
                tar.addfile(info, io.BytesIO(data) if data else None)
        return out.getvalue()


class Layout:
    """One OCI layout folder with any number of references."""

    def __init__(self, path):
        self.path = path
        self.references = []
        self.packed = {}
        os.makedirs(os.path.join(path, "blobs", "sha256"), exist_ok=True)

    def blob(self, data, media):
        digest = digest_of(data)
        with open(os.path.join(self.path, "blobs", "sha256", digest[7:]), "wb") as out:
            out.write(data)
        return {"mediaType": media, "digest": digest, "size": len(data)}

    def document(self, value, media):
        return self.blob(json.dumps(value, sort_keys=True, separators=(",", ":")).encode(), media)

    def layer(self, layer):
        """Stores a layer once, however many images hold it: (descriptor, diff id)."""
        if id(layer) not in self.packed:
            tar = layer.tar()
            packed = gzip.compress(tar, compresslevel=6, mtime=0)
            self.packed[id(layer)] = (self.blob(packed, MEDIA + "layer.v1.tar+gzip"),
                                      digest_of(tar), layer)
        return self.packed[id(layer)][:2]

    def manifest(self, layers, config, arch):
        rows = [self.layer(layer) for layer in layers]
        image = {"created": CREATED, "architecture": arch, "os": "linux", "config": config,
                 "rootfs": {"type": "layers", "diff_ids": [diff for _, diff in rows]},
                 "history": [{"created": CREATED, "created_by": "tests/images"} for _ in rows]}
        return self.document({"schemaVersion": 2, "mediaType": MEDIA + "manifest.v1+json",
                              "config": self.document(image, MEDIA + "config.v1+json"),
                              "layers": [row for row, _ in rows]}, MEDIA + "manifest.v1+json")

    def index(self, layers, config, arches):
        rows = [dict(self.manifest(layers, config, arch),
                     platform={"architecture": arch, "os": "linux"}) for arch in arches]
        return self.document({"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json",
                              "manifests": rows}, MEDIA + "index.v1+json")

    def tag(self, descriptor, *names):
        for name in names:
            self.references.append(
                dict(descriptor, annotations={"org.opencontainers.image.ref.name": name}))

    def close(self):
        with open(os.path.join(self.path, "oci-layout"), "w") as out:
            out.write('{"imageLayoutVersion":"1.0.0"}')
        with open(os.path.join(self.path, "index.json"), "w") as out:
            json.dump({"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json",
                       "manifests": self.references}, out, indent=1)
