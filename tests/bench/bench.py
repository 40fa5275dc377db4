# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks have in common: daemons with everything of their own, and nothing left behind.

All runs in a mount namespace of its own, on a tmpfs of its own: mounts, pinned namespaces and files
end with it. What belongs to the host (bridges, cgroups, processes) is named after the run.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.realpath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
TOOLS = os.path.join(SOURCE, "tests", "tools")
REGISTRY = os.path.join(SOURCE, "tests", "images", "image-registry")
IMAGE, PAUSE = "images.test/bench:latest", "images.test/pause:latest"
OURS, UPSTREAM, CONTAINERD = "crio-c", "cri-o", "containerd"
PEERS = (OURS, UPSTREAM, CONTAINERD)
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json")
INSIDE = "CRIO_BENCH_INSIDE"


def arguments(text):
    """The options that all benchmarks have."""
    head, _, rest = text.partition("\n\n")
    parser = argparse.ArgumentParser(description=head, epilog=rest,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(SOURCE, "build"),
                        help="build folder with our programs (default: build)")
    parser.add_argument("--dir", default=tempfile.gettempdir(), help="where to work (default: /tmp)")
    parser.add_argument("--disk", action="store_true",
                        help="keep images and container roots in --dir instead of a tmpfs")
    parser.add_argument("--log-level", default="warn", help="of our daemon and CRI-O")
    parser.add_argument("--wrap", default="", metavar="COMMAND",
                        help='under what to start our daemon: "strace -D -f -o FILE", "perf record"')
    parser.add_argument("--nice", type=int, default=0, help="priority of everything")
    return parser


def enter():
    """Runs this program again in its own mount namespace."""
    if os.environ.get(INSIDE) != "1":
        if os.geteuid() != 0:
            sys.exit("the benchmarks need root")
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable,
                              "-B", *sys.argv])


def mount(*words):
    subprocess.check_call(["mount", *words])


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(text)


def tool(program, *words, **environment):
    """The folders that a program of tests/tools prints."""
    return subprocess.check_output([os.path.join(TOOLS, program), *words], text=True,
                                   env={**os.environ, **environment}).split()


class Bench:
    def __init__(self, options, peers):
        self.options, self.peers = options, peers
        self.id = secrets.token_hex(2)
        self.cgroup = f"/crbench-{self.id}"
        self.bridges = []
        self.held = False
        self.work = tempfile.mkdtemp(prefix="crbench.", dir=options.dir)
        self.fast = os.path.join(self.work, "tmpfs")

    # --- begin and end ------------------------------------------------------------------------

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def begin(self):
        os.nice(self.options.nice)
        os.chmod(self.work, 0o711)
        self.ours = {name: os.path.join(self.options.build, path) for name, path in (
            ("crio", "src/crio"), ("conmon", "conmon/conmon"), ("worker", "src/image/crio-image"))}
        for path in self.ours.values():
            if not os.path.exists(path):
                sys.exit(f"{path} is missing: meson setup build && ninja -C build, or --build DIR")
        self.upstream, self.containerd, self.cni, crun = tool("peers")
        self.crun = os.path.join(crun, "crun")
        client, = tool("go-tools", "cribench", CRIBENCH_SOURCE=os.path.join(HERE, "client"))
        self.client = os.path.join(client, "cribench")
        self.isolate()
        subprocess.check_call([os.path.join(TOOLS, "crun-cgroups"), "hold", f"bench-{self.id}"])
        self.held = True
        self.registry = os.path.join(self.work, "registry")
        subprocess.check_call([REGISTRY, "start", self.registry], stdout=subprocess.DEVNULL)
        with open(os.path.join(self.registry, "address")) as source:
            self.address = source.read().strip()

    def isolate(self):
        os.makedirs(self.fast)
        mount("-t", "tmpfs", "-o", "mode=711", "crbench", self.fast)
        # Runtimes ask for propagation; it stays inside of this namespace.
        mount("--make-rshared", "/")
        # Places that cannot be configured: results of CNI, namespaces of containerd, caches of CRI-O.
        for path in ("/var/lib/cni", "/run/netns", "/var/lib/containers"):
            if not os.path.isdir(path):
                os.makedirs(path)
            mount("-t", "tmpfs", "crbench", path)

    def end(self):
        self.end_processes()
        if hasattr(self, "registry"):
            subprocess.call([REGISTRY, "stop", self.registry])
        for bridge in self.bridges:
            subprocess.call(["ip", "link", "del", bridge], stderr=subprocess.DEVNULL)
        self.end_cgroups()
        if self.held:
            subprocess.call([os.path.join(TOOLS, "crun-cgroups"), "release", f"bench-{self.id}"])
        # A container's mounts must not be followed.
        with open("/proc/self/mountinfo") as source:
            below = [row.split()[4] for row in source]
        for path in reversed(below):
            if path.startswith(self.work + "/"):
                subprocess.call(["umount", "-l", path], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.work, ignore_errors=True)

    def our_processes(self):
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/cmdline") as line, open(f"/proc/{name}/cgroup") as group:
                    mine = self.work in line.read() or f"{self.cgroup}/" in group.read()
                if mine and int(name) != os.getpid():
                    yield int(name), os.pidfd_open(int(name))
            except (OSError, UnicodeDecodeError):
                pass

    def end_processes(self):
        """What a daemon that failed has left: monitors and containers."""
        for _ in range(50):
            found = list(self.our_processes())
            for _, process in found:
                try:
                    signal.pidfd_send_signal(process, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                os.close(process)
            if not found:
                return
            time.sleep(0.1)

    def end_cgroups(self):
        for base, folders, _ in os.walk("/sys/fs/cgroup"):
            for name in folders:
                if name == self.cgroup[1:]:
                    subprocess.call(["find", os.path.join(base, name), "-depth", "-type", "d",
                                     "-exec", "rmdir", "{}", "+"], stderr=subprocess.DEVNULL)
            folders[:] = [f for f in folders if base.count("/") < 4]

    # --- the network --------------------------------------------------------------------------

    def network(self, name):
        """The same bridge for each, on a subnet that no route has."""
        number = len(self.bridges)
        bridge = f"crbench{self.id}{number}"
        self.bridges.append(bridge)
        return {"type": "bridge", "bridge": bridge, "isGateway": True, "hairpinMode": True,
                "ipam": {"type": "host-local", "dataDir": os.path.join(self.fast, name, "ipam"),
                         "ranges": [[{"subnet": f"10.{self.subnet()}.{number * 16}.0/20"}]],
                         "routes": [{"dst": "0.0.0.0/0"}]}}

    def subnet(self):
        if not hasattr(self, "_subnet"):
            routes = subprocess.check_output(["ip", "route", "show"], text=True)
            self._subnet = next(n for n in range(251, 100, -1) if f"10.{n}." not in routes)
        return self._subnet

    # --- the daemons --------------------------------------------------------------------------

    def places(self, name):
        run = os.path.join(self.fast, name)
        root = os.path.join(self.work, name, "root") if self.options.disk else f"{run}/root"
        for path in (f"{run}/run", f"{run}/logs", f"{run}/config.d", root):
            os.makedirs(path)
        write(f"{run}/net.d/10-bench.conflist", json.dumps(
            {"cniVersion": "1.0.0", "name": f"crbench-{self.id}-{name}",
             "plugins": [self.network(name)]}))
        return run, root

    def daemon(self, name):
        run, root = self.places(name)
        make = self.containerd_daemon if name == CONTAINERD else self.crio_daemon
        monitor, argv = make(name, run, root)
        return {"Name": name, "Socket": f"{run}/run/daemon.sock", "Log": f"{self.work}/{name}.log",
                "Monitor": monitor, "Argv": argv, "Env": []}

    def crio_daemon(self, name, run, root):
        ours = name == OURS
        program = self.ours["crio"] if ours else f"{self.upstream}/crio"
        pinns = "" if ours else f'pinns_path = "{self.upstream}/pinns"\n'
        conmon = self.ours["conmon"] if ours else "/usr/bin/conmon"
        write(f"{run}/policy.json", '{"default": [{"type": "insecureAcceptAnything"}]}\n')
        write(f"{run}/crio.conf", f"""[crio]
root = "{root}"
runroot = "{run}/runroot"
storage_driver = "overlay"
log_dir = "{run}/logs"
version_file = "{run}/run/version"
clean_shutdown_file = "{run}/run/clean.shutdown"
[crio.api]
listen = "{run}/run/daemon.sock"
[crio.runtime]
log_level = "{self.options.log_level}"
cgroup_manager = "cgroupfs"
default_runtime = "bench"
{pinns}namespaces_dir = "{run}/ns"
container_exits_dir = "{run}/exits"
container_attach_socket_dir = "{run}/attach"
apparmor_profile = "unconfined"
hooks_dir = []
[crio.runtime.runtimes.bench]
runtime_path = "{self.crun}"
runtime_root = "{run}/runtime"
monitor_path = "{conmon}"
monitor_cgroup = "pod"
[crio.image]
pause_image = "{PAUSE}"
signature_policy = "{run}/policy.json"
[crio.network]
network_dir = "{run}/net.d"
plugin_dirs = ["{self.cni}"]
[crio.nri]
enable_nri = false
""")
        wrap = self.options.wrap.split() if ours else []
        return "conmon", [*wrap, program, "--config", f"{run}/crio.conf",
                          "--config-dir", f"{run}/config.d",
                          "--registries-conf", f"{self.registry}/registries.conf"]

    def containerd_daemon(self, _, run, root):
        write(f"{run}/containerd.toml", f"""version = 2
root = "{root}"
state = "{run}/runroot"
[grpc]
address = "{run}/run/daemon.sock"
[ttrpc]
address = "{run}/run/daemon.sock.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
path = "{run}/opt"
[plugins."io.containerd.nri.v1.nri"]
disable = true
[plugins."io.containerd.grpc.v1.cri"]
restrict_oom_score_adj = true
sandbox_image = "{PAUSE}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "{self.crun}"
Root = "{run}/runtime"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{self.cni}"
conf_dir = "{run}/net.d"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{self.registry}/certs.d"
""")
        path = f"{self.containerd}:{os.environ['PATH']}"
        return "containerd-shim-runc-v2", ["/usr/bin/env", f"PATH={path}",
                                           f"{self.containerd}/containerd",
                                           "--config", f"{run}/containerd.toml"]

    # --- the floor ----------------------------------------------------------------------------

    def floor(self):
        run = os.path.join(self.fast, "floor")
        conf = {"cniVersion": "1.0.0", "name": f"crbench-{self.id}-floor", **self.network("floor")}
        return {"Runtime": self.crun, "Plugins": self.cni, "Conf": json.dumps(conf), "Dir": run,
                "Layers": self.unpack(os.path.join(run, "layers"))}

    def fetch(self, path):
        host, name = IMAGE.rpartition(":")[0].split("/")
        request = urllib.request.Request(f"http://{self.address}/v2/{host}/{name}/{path}",
                                         headers={"Accept": MANIFESTS})
        return urllib.request.urlopen(request)

    def unpack(self, folder):
        """The layers of the image, for containers without a daemon."""
        paths = []
        for number, layer in enumerate(json.load(self.fetch("manifests/latest"))["layers"]):
            paths.append(os.path.join(folder, str(number)))
            with tarfile.open(fileobj=self.fetch(f"blobs/{layer['digest']}"), mode="r|*") as archive:
                archive.extractall(paths[-1], numeric_owner=True)
        return paths

    # --- the client ---------------------------------------------------------------------------

    def measure(self, with_floor, **plan):
        """Runs the client; its exit status, and what it measured (nothing after a bad failure)."""
        out = os.path.join(self.work, "out.json")
        plan = {"Work": self.fast, "Cgroup": self.cgroup, "Out": out, "Image": IMAGE, "Pause": PAUSE,
                "Daemons": [self.daemon(name) for name in self.peers], **plan}
        if with_floor:
            plan["Floor"] = self.floor()
        write(os.path.join(self.work, "plan.json"), json.dumps(plan, indent=1))
        status = self.run_client(os.path.join(self.work, "plan.json"))
        if status:
            for name in self.peers:
                self.show_log(name)
        if not os.path.exists(out):
            return status or 1, None
        with open(out) as source:
            return status, json.load(source)

    def run_client(self, plan):
        """An interrupt is passed on, and waited for: the client removes its pods."""
        client = subprocess.Popen([self.client, plan], start_new_session=True)
        def forward(*_):
            client.send_signal(signal.SIGINT)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, forward)
        return client.wait()

    def show_log(self, name):
        path = os.path.join(self.work, f"{name}.log")
        if os.path.exists(path):
            print(f"--- {name} said last:", file=sys.stderr)
            with open(path, errors="replace") as source:
                print("".join(line[:400] + ("" if line.endswith("\n") and len(line) <= 400 else "\n")
                              for line in source.readlines()[-15:]), file=sys.stderr)
