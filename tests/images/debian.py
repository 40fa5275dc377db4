# SPDX-License-Identifier: Apache-2.0
"""Files out of Debian packages, which are downloaded and read but never installed."""

import glob
import io
import os
import subprocess
import tarfile


class Packages:
    def __init__(self, folder):
        self.folder = folder
        self.contents = {}

    def fetch(self, *names):
        missing = [name for name in names if not glob.glob(f"{self.folder}/{name}_*.deb")]
        if missing:
            subprocess.check_call(["apt-get", "-qq", "-o", "APT::Sandbox::User=root",
                                   "download", *missing], cwd=self.folder)

    def read(self, name):
        """{path: (TarInfo, bytes)} of one package; paths have no leading ./"""
        if name not in self.contents:
            self.fetch(name)
            path = sorted(glob.glob(f"{self.folder}/{name}_*.deb"))[-1]
            data = subprocess.check_output(["dpkg-deb", "--fsys-tarfile", path])
            found = {}
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                for info in tar:
                    body = tar.extractfile(info).read() if info.isreg() else b""
                    found[info.name.lstrip("./")] = (info, body)
            self.contents[name] = found
        return self.contents[name]

    def file(self, name, *paths):
        """The content of the first of these paths that the package has."""
        found = self.read(name)
        for path in paths:
            if path in found:
                return found[path][1]
        raise KeyError(f"{name} has none of {paths}")

    def libraries(self, name, wanted=None):
        """[(file name, link target or None, content)] of the shared objects of a package."""
        for path, (info, data) in sorted(self.read(name).items()):
            base = os.path.basename(path)
            folder = os.path.dirname(path)
            if ".so" not in base or "linux-gnu" not in os.path.basename(folder):
                continue
            if wanted and not any(base.startswith(start) for start in wanted):
                continue
            if info.issym():
                yield base, os.path.basename(info.linkname), b""
            elif info.isreg():
                yield base, None, data
