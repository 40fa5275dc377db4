// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Floor is what the pieces below a CRI daemon cost by themselves: a network namespace, a CNI plugin,
// the OCI runtime, an overlay mount. The container is the same as that of the daemons.
type Floor struct {
	Runtime, Plugins, Conf string
	Layers                 []string // unpacked, lowest first
	Dir                    string
	number                 int
}

type object = map[string]any

// quiet runs a program; what it says is kept only when it fails. Not through pipes: a container
// would hold them open.
func quiet(input []byte, argv ...string) error {
	c := exec.Command(argv[0], argv[1:]...)
	return quietly(c, input)
}

func quietly(c *exec.Cmd, input []byte) error {
	said, err := os.CreateTemp("", "cribench")
	if err != nil {
		return err
	}
	defer os.Remove(said.Name())
	defer said.Close()
	c.Stderr = said
	if input != nil {
		c.Stdin = bytes.NewReader(input)
		c.Stdout = said
	}
	if err := c.Run(); err != nil {
		text, _ := os.ReadFile(said.Name())
		return fmt.Errorf("%v: %w: %s", c.Args, err, bytes.TrimSpace(text))
	}
	return nil
}

func (f *Floor) oci(words ...string) error {
	return quiet(nil, append([]string{f.Runtime, "--root", f.Dir + "/state"}, words...)...)
}

func (f *Floor) path(name string) string {
	return filepath.Join(f.Dir, name)
}

func (f *Floor) prepare(cgroup string) error {
	for _, name := range []string{"state", "pod", "long", "upper", "work", "rootfs", "test-upper", "test-work", "test-rootfs"} {
		if err := os.MkdirAll(f.path(name), 0o755); err != nil {
			return err
		}
	}
	if err := f.mount(""); err != nil {
		return err
	}
	if err := f.bundle("pod", cgroup+"/floor-pod", f.path("netns")); err != nil {
		return err
	}
	return f.bundle("long", cgroup+"/floor-long", "")
}

func (f *Floor) mount(prefix string) error {
	var lower []string
	for i := len(f.Layers) - 1; i >= 0; i-- {
		lower = append(lower, f.Layers[i])
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", strings.Join(lower, ":"),
		f.path(prefix+"upper"), f.path(prefix+"work"))
	return unix.Mount("overlay", f.path(prefix+"rootfs"), "overlay", 0, options)
}

func (f *Floor) unmount(prefix string) error {
	return unix.Unmount(f.path(prefix+"rootfs"), 0)
}

func (f *Floor) bundle(name, cgroup, netns string) error {
	caps := []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID",
		"CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_KILL"}
	spaces := []object{{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}}
	if netns != "" {
		spaces = append(spaces, object{"type": "network", "path": netns})
	}
	mount := func(at, kind string, options ...string) object {
		return object{"destination": at, "type": kind, "source": kind, "options": append(options, "nosuid", "noexec", "nodev")}
	}
	spec := object{
		"ociVersion": "1.0.2", "hostname": "floor",
		"process": object{"args": []string{"/bin/pause"}, "cwd": "/", "env": []string{"PATH=/usr/bin:/bin"},
			"user": object{"uid": 0, "gid": 0}, "noNewPrivileges": true,
			"capabilities": object{"bounding": caps, "effective": caps, "permitted": caps}},
		"root": object{"path": f.path("rootfs")},
		"mounts": []object{mount("/proc", "proc"), mount("/sys", "sysfs", "ro"),
			{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "mode=755", "size=65536k"}},
			{"destination": "/dev/pts", "type": "devpts", "source": "devpts",
				"options": []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
			mount("/dev/mqueue", "mqueue"), mount("/dev/shm", "tmpfs", "mode=1777", "size=65536k"),
			mount("/sys/fs/cgroup", "cgroup", "ro", "relatime")},
		"linux": object{"namespaces": spaces, "cgroupsPath": cgroup, "maskedPaths": masked, "readonlyPaths": readonly,
			"resources": object{"cpu": object{"shares": 2}, "devices": []object{{"allow": false, "access": "rwm"}}}},
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(f.path(name), "config.json"), text, 0o644)
}

// newNetns pins a new network namespace with its loopback up. Its thread ends with the namespace.
func newNetns(path string) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		result <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return err
			}
			if err := loopbackUp(); err != nil {
				return err
			}
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				return err
			}
			return unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, "")
		}()
	}()
	return <-result
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

func endNetns(path string) error {
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
		return err
	}
	return os.Remove(path)
}

func (f *Floor) cni(command, id string) error {
	c := exec.Command(filepath.Join(f.Plugins, "bridge"))
	c.Env = append(os.Environ(), "CNI_COMMAND="+command, "CNI_CONTAINERID="+id, "CNI_NETNS="+f.path("netns"),
		"CNI_IFNAME=eth0", "CNI_PATH="+f.Plugins)
	return quietly(c, []byte(f.Conf))
}

// kill ends a container and waits until its process has ended.
func (f *Floor) kill(name, id string) error {
	text, err := os.ReadFile(f.path(name + "/pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		return err
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := f.oci("kill", id, "KILL"); err != nil {
		return err
	}
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if err != unix.EINTR {
			return err
		}
	}
}

func (f *Floor) create(name, id string) error {
	return f.oci("create", "--bundle", f.path(name), "--pid-file", f.path(name+"/pid"), id)
}

// cycle is one life of a pod with one container, without a daemon.
func (f *Floor) cycle(r *Results) error {
	f.number++
	id := fmt.Sprintf("floor%d", f.number)
	steps := []struct {
		name string
		do   func() error
	}{
		{"netns", func() error { return newNetns(f.path("netns")) }},
		{"CNI ADD", func() error { return f.cni("ADD", id) }},
		{"create", func() error { return f.create("pod", id) }},
		{"start", func() error { return f.oci("start", id) }},
		{"kill", func() error { return f.kill("pod", id) }},
		{"delete", func() error { return f.oci("delete", id) }},
		{"CNI DEL", func() error { return f.cni("DEL", id) }},
		{"netns end", func() error { return endNetns(f.path("netns")) }},
	}
	began := time.Now()
	for i, step := range steps {
		if err := r.time("floor/"+step.name, "floor", step.do); err != nil {
			return err
		}
		if i == 3 {
			r.add("seq/pod to Running, ms", "floor", ms(time.Since(began)))
		}
	}
	r.add("seq/full life cycle, ms", "floor", ms(time.Since(began)))
	return nil
}

// log is how fast the writer writes into a pipe when the reader does nothing with it.
func (f *Floor) log(r *Results, block, metric string) error {
	c := exec.Command("/bin/logspam", fmt.Sprint(logBytes), fmt.Sprint(logLine), block)
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: f.path("rootfs")}
	c.Dir = "/"
	output, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := c.Start(); err != nil {
		return err
	}
	size := 0
	for room := make([]byte, 64<<10); err == nil; {
		var n int
		n, err = output.Read(room)
		size += n
	}
	if err := c.Wait(); err != nil || size != logBytes {
		return fmt.Errorf("the writer wrote %d bytes: %v", size, err)
	}
	r.add(metric+", MB/s", "floor", logBytes/1e6/time.Since(began).Seconds())
	return nil
}

// mounts is what the root file system of one container costs.
func (f *Floor) mounts(r *Results) error {
	return r.time("floor/overlay mount and umount", "floor", func() error {
		if err := f.mount("test-"); err != nil {
			return err
		}
		return f.unmount("test-")
	})
}
