// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strconv"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// What a kubelet sends for an ordinary container.
var masked = []string{"/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys",
	"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
	"/sys/firmware", "/sys/devices/virtual/powercap"}
var readonly = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
var unconfined = &cri.SecurityProfile{ProfileType: cri.SecurityProfile_Unconfined}

// Pod is a running sandbox.
type Pod struct {
	ID     string
	Config *cri.PodSandboxConfig
}

// podConfig makes the log directory too, as a kubelet does.
func (p *Plan) podConfig(d *Daemon, name string) *cri.PodSandboxConfig {
	logs := fmt.Sprintf("%s/%s/logs/%s", p.Work, d.Name, name)
	if err := os.MkdirAll(logs, 0o755); err != nil {
		p.results.fail("log directory", d.Name, err)
	}
	return &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: name, Uid: "uid-" + name, Namespace: "bench"},
		Hostname:     name,
		LogDirectory: logs,
		Labels:       map[string]string{"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": "bench"},
		Linux: &cri.LinuxPodSandboxConfig{
			CgroupParent: p.Cgroup + "/" + d.Name,
			SecurityContext: &cri.LinuxSandboxSecurityContext{
				NamespaceOptions: &cri.NamespaceOption{Pid: cri.NamespaceMode_CONTAINER}, Seccomp: unconfined}}}
}

func (p *Plan) runPod(d *Daemon, config *cri.PodSandboxConfig) (*Pod, error) {
	ctx, done := deadline()
	defer done()
	answer, err := d.runtime.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: config})
	if err != nil {
		return nil, err
	}
	return &Pod{answer.PodSandboxId, config}, nil
}

func containerConfig(name, image string, pid cri.NamespaceMode, command ...string) *cri.ContainerConfig {
	return &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: name},
		Image:    &cri.ImageSpec{Image: image},
		Command:  command,
		LogPath:  name + ".log",
		Labels:   map[string]string{"io.kubernetes.container.name": name},
		Linux: &cri.LinuxContainerConfig{
			Resources: &cri.LinuxContainerResources{CpuShares: 2},
			SecurityContext: &cri.LinuxContainerSecurityContext{
				NamespaceOptions: &cri.NamespaceOption{Pid: pid}, Seccomp: unconfined,
				MaskedPaths: masked, ReadonlyPaths: readonly}}}
}

func (p *Plan) idle(number int) *cri.ContainerConfig {
	return containerConfig("c"+strconv.Itoa(number), p.Image, cri.NamespaceMode_CONTAINER, "/bin/pause")
}

// create asks as a kubelet does: for the image that was pulled, under the name that the user gave.
func create(d *Daemon, pod *Pod, config *cri.ContainerConfig) (string, error) {
	config.Image = &cri.ImageSpec{Image: d.refs[config.Image.Image], UserSpecifiedImage: config.Image.Image}
	ctx, done := deadline()
	defer done()
	answer, err := d.runtime.CreateContainer(ctx, &cri.CreateContainerRequest{
		PodSandboxId: pod.ID, Config: config, SandboxConfig: pod.Config})
	if err != nil {
		return "", err
	}
	return answer.ContainerId, nil
}

func start(d *Daemon, id string) error {
	ctx, done := deadline()
	defer done()
	_, err := d.runtime.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: id})
	return err
}

func run(d *Daemon, pod *Pod, config *cri.ContainerConfig) (string, error) {
	id, err := create(d, pod, config)
	if err != nil {
		return "", err
	}
	return id, start(d, id)
}

func stop(d *Daemon, id string) error {
	ctx, done := deadline()
	defer done()
	_, err := d.runtime.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id, Timeout: 10})
	return err
}

func remove(d *Daemon, id string) error {
	ctx, done := deadline()
	defer done()
	_, err := d.runtime.RemoveContainer(ctx, &cri.RemoveContainerRequest{ContainerId: id})
	return err
}

func stopPod(d *Daemon, id string) error {
	ctx, done := deadline()
	defer done()
	_, err := d.runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id})
	return err
}

func removePod(d *Daemon, id string) error {
	ctx, done := deadline()
	defer done()
	_, err := d.runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id})
	return err
}

func containerStatus(d *Daemon, id string) (*cri.ContainerStatus, error) {
	ctx, done := deadline()
	defer done()
	answer, err := d.runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id})
	if err != nil {
		return nil, err
	}
	return answer.Status, nil
}

func pull(d *Daemon, image string) error {
	ctx, done := deadline()
	defer done()
	answer, err := d.images.PullImage(ctx, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: image}})
	if err == nil {
		d.refs[image] = answer.ImageRef
	}
	return err
}

// clear removes all pods, those of an earlier failure too.
func clear(d *Daemon) error {
	ctx, done := deadline()
	defer done()
	answer, err := d.runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return err
	}
	for _, pod := range answer.Items {
		if err := stopPod(d, pod.Id); err != nil {
			return err
		}
		if err := removePod(d, pod.Id); err != nil {
			return err
		}
	}
	return nil
}
