# SPDX-License-Identifier: Apache-2.0
"""What is in each test image. Stand-ins for all images that critest names, and those of our tests.

A set is a function that fills a Layout. Names are kept as critest spells them; registries.conf sends
them to the loopback registry.
"""

import os
import subprocess
import tempfile

from debian import Packages
from oci import Layer, architecture

FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SHELL = {"Cmd": ["sh"], "Env": [PATH]}
PAUSE = {"Entrypoint": ["/pause"], "User": "65535:65535", "Env": [PATH]}
NGINX = {"Entrypoint": ["/usr/sbin/nginx", "-g", "daemon off;"], "Env": [PATH],
         "ExposedPorts": {"80/tcp": {}}, "StopSignal": "SIGQUIT"}
LIBC = ("libc.so", "libm.so", "libresolv.so", "libpthread.so", "libdl.so", "librt.so", "ld-linux")


def text(name):
    with open(os.path.join(FILES, name)) as source:
        return source.read()


def compiled(name):
    """A small static program of ours."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, name)
        subprocess.check_call(["gcc", "-std=gnu11", "-O2", "-s", "-static", "-Wl,--build-id=none",
                               "-o", out, os.path.join(FILES, name + ".c")])
        with open(out, "rb") as program:
            return program.read()


class Roots:
    """The root file systems, each made when it is first asked for."""

    def __init__(self, folder):
        self.packages = Packages(folder)
        self.triplet = subprocess.check_output(["gcc", "-dumpmachine"], text=True).strip()
        self.made = {}

    def __getattr__(self, name):
        if name not in self.made:
            self.made[name] = getattr(type(self), "make_" + name)(self).parents()
        return self.made[name]

    def libraries(self, layer, *packages):
        for package in packages:
            wanted = LIBC if package == "libc6" else None
            for name, link, data in self.packages.libraries(package, wanted):
                path = f"lib/{self.triplet}/{name}"
                if link:
                    layer.symlink(path, link)
                else:
                    layer.file(path, data, mode=0o755)
        # The place where the kernel looks for the dynamic loader, as the package says.
        for path, (info, _) in self.packages.read("libc6").items():
            if os.path.basename(path).startswith("ld-linux") and path.count("/") == 1:
                layer.symlink(path, f"/lib/{self.triplet}/{os.path.basename(path)}")

    def applets(self, busybox):
        """Asks busybox itself, through the loader of its own libc."""
        with tempfile.TemporaryDirectory() as folder:
            loader = None
            for name, link, data in self.packages.libraries("libc6", LIBC):
                path = os.path.join(folder, name)
                if link:
                    os.symlink(link, path)
                    continue
                with open(path, "wb") as out:
                    out.write(data)
                os.chmod(path, 0o755)
                loader = path if name.startswith("ld-linux") else loader
            program = os.path.join(folder, "busybox")
            with open(program, "wb") as out:
                out.write(busybox)
            os.chmod(program, 0o755)
            return subprocess.check_output([loader, "--library-path", folder, program, "--list"],
                                           text=True).split()

    def make_busybox(self):
        # The package busybox and not busybox-static, whose shell runs the applets inside itself: a
        # masked /bin/ls would still list. Hard links and not symbolic ones: a mask over /bin/ls
        # would cover busybox.
        layer = Layer()
        for path in ("proc", "sys", "dev", "home", "run", "var/run", "var/log", "usr/bin"):
            layer.folder(path)
        layer.folder("tmp", mode=0o1777).folder("root", mode=0o700)
        layer.file("etc/passwd", text("passwd")).file("etc/group", text("group"))
        program = self.packages.file("busybox", "bin/busybox", "usr/bin/busybox")
        layer.file("bin/busybox", program, mode=0o755)
        self.libraries(layer, "libc6")
        for applet in self.applets(program):
            if applet != "busybox":
                layer.hardlink("bin/" + applet, "bin/busybox")
        for script in ("pgrep", "ipcs", "httpd-foreground"):
            layer.file("bin/" + script, text(script + ".sh"), mode=0o755)
        layer.file("bin/logspam", compiled("logspam"), mode=0o755)
        layer.file("www/index.html", "<html><body>it works</body></html>\n")
        return layer

    def nginx_on(self, port):
        layer = self.busybox.copy()
        self.libraries(layer, "libpcre2-8-0", "libcrypt1", "libssl3", "zlib1g")
        layer.file("usr/sbin/nginx", self.packages.file("nginx", "usr/sbin/nginx"), mode=0o755)
        layer.file("etc/nginx/nginx.conf", text("nginx.conf").replace("@PORT@", str(port)))
        layer.file("usr/share/nginx/html/index.html", "<html><body>Welcome</body></html>\n")
        for path in ("var/lib/nginx", "var/log/nginx"):
            layer.folder(path)
        return layer

    def make_nginx(self):
        return self.nginx_on(80)

    def make_hostnet(self):
        return self.nginx_on(12003)

    def make_pause(self):
        return Layer().file("pause", compiled("pause"), mode=0o755)

    def make_bench(self):
        return Layer().file("bin/pause", compiled("pause"), mode=0o755)

    def make_nonewprivs(self):
        return Layer().file("nnp", compiled("nnp"), mode=0o4755)

    def make_group(self):
        return (Layer()
                .file("etc/passwd", text("passwd") +
                      "default-user:x:1000:1000:Linux User:/home/default-user:/bin/sh\n")
                .file("etc/group", text("group") + "default-user:x:1000:\n"
                      "group-defined-in-image:x:50000:default-user\n"))


def marker(name):
    """A tiny layer that makes one image differ from another."""
    return Layer().file("marker", name + "\n")


def quickstart(layout, roots):
    roots.packages.fetch("busybox", "libc6", "nginx", "libpcre2-8-0", "libcrypt1", "libssl3",
                         "zlib1g")
    arch = architecture()
    page = Layer().file("usr/share/nginx/html/index.html",
                        "<html><body><h1>Hello from a pod</h1></body></html>\n").parents()
    layout.tag(layout.manifest([roots.nginx, page], NGINX, arch), "images.test/web:latest")
    other = "arm64" if arch != "arm64" else "amd64"
    layout.tag(layout.index([roots.pause], PAUSE, [arch, other]),
               "images.test/pause:latest", "registry.k8s.io/pause:3.10",
               "registry.k8s.io/pause:3.10.1", "registry.k8s.io/pause:3.10.2")


def critest(layout, roots):
    quickstart(layout, roots)
    arch = architecture()
    e2e, staging = "registry.k8s.io/e2e-test-images/", "gcr.io/k8s-staging-cri-tools/test-image-"

    def image(config, *layers):
        return layout.manifest(layers, config, arch)

    def user(name):
        return dict(SHELL, User=name)

    other = "arm64" if arch != "arm64" else "amd64"
    busybox = roots.busybox
    # Not the sandbox image, or its tags would join those that a spec counts.
    layout.tag(layout.index([roots.pause], dict(PAUSE, Labels={"version": "3.9"}), [arch, other]),
               "registry.k8s.io/pause:3.9", "k8s.gcr.io/pause:3.9")
    layout.tag(image(SHELL, busybox), e2e + "busybox:1.29-2", "images.test/busybox:latest")
    layout.tag(image(NGINX, roots.nginx), e2e + "nginx:1.14-2", "images.test/nginx:latest")
    layout.tag(image(NGINX, roots.hostnet),
               "gcr.io/k8s-staging-cri-tools/hostnet-nginx-amd64:latest")
    layout.tag(image({"Cmd": ["/bin/httpd-foreground"], "Env": [PATH]}, busybox),
               e2e + "httpd:2.4.39-4")
    layout.tag(image({"Entrypoint": ["/nnp"], "Env": [PATH]}, busybox, roots.nonewprivs),
               e2e + "nonewprivs:1.3")
    for name, tags in (("1", ["latest"]), ("2", ["latest"]), ("3", ["latest"]),
                       ("tag", ["test"]), ("latest", ["latest"]), ("digest", ["latest"]),
                       ("tags", ["1", "2", "3"])):
        layout.tag(image(SHELL, busybox, marker(name)), *(f"{staging}{name}:{t}" for t in tags))
    layout.tag(image(SHELL, busybox, marker("all")), staging + "tag:all")
    layout.tag(image(user("1002"), busybox), staging + "user-uid:latest")
    layout.tag(image(user("www-data"), busybox), staging + "user-username:latest")
    layout.tag(image(user("1003:users"), busybox, marker("uid-group")),
               staging + "user-uid-group:latest")
    layout.tag(image(user("www-data:www-data"), busybox), staging + "user-username-group:latest")
    layout.tag(image(user("1000"), busybox, roots.group), staging + "predefined-group:latest",
               "images.test/group:latest")
    layout.tag(layout.index([busybox], SHELL, [arch, other]), "images.test/multiarch:latest")
    # For benchmarks. Its stop signal is KILL, because a TERM that comes before process 1 of a PID
    # namespace has its handler is lost.
    layout.tag(image(dict(SHELL, StopSignal="SIGKILL"), busybox, roots.bench),
               "images.test/bench:latest", "test/bench:latest")


SETS = {"quickstart": quickstart, "critest": critest}
