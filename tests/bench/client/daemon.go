// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const largest = 80 << 20
const patience = 2 * time.Minute

// Daemon is one CRI server: how it is started, and the connection to it.
type Daemon struct {
	Name, Socket, Log string
	Monitor           string // name of the processes that stand between it and containers
	Argv, Env         []string

	process *exec.Cmd
	conn    *grpc.ClientConn
	runtime cri.RuntimeServiceClient
	images  cri.ImageServiceClient
	refs    map[string]string // names of images and what PullImage answered
}

func deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// start returns the time from exec to the first answer.
func (d *Daemon) start() (time.Duration, error) {
	log, err := os.OpenFile(d.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	d.process = exec.Command(d.Argv[0], d.Argv[1:]...)
	d.process.Env = append(os.Environ(), d.Env...)
	d.process.Stdout, d.process.Stderr = log, log
	// Its own group, so that an interrupt from the keyboard is for us to pass on.
	d.process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	began := time.Now()
	if err := d.process.Start(); err != nil {
		return 0, err
	}
	first, err := d.dial(began)
	if err != nil {
		return 0, err
	}
	if err := d.connect(first); err != nil {
		return 0, err
	}
	ctx, done := deadline()
	defer done()
	for {
		_, err = d.runtime.Version(ctx, &cri.VersionRequest{}, grpc.WaitForReady(true))
		// containerd listens, and says that it is not ready, for a while.
		if status.Code(err) != codes.Unavailable {
			return time.Since(began), err
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// dial tries until the daemon listens; gRPC itself would wait a second between two attempts.
func (d *Daemon) dial(began time.Time) (net.Conn, error) {
	for {
		c, err := net.Dial("unix", d.Socket)
		if err == nil {
			return c, nil
		}
		if time.Since(began) > patience || d.isGone() {
			return nil, fmt.Errorf("%s does not start, see %s: %w", d.Name, d.Log, err)
		}
		time.Sleep(200 * time.Microsecond)
	}
}

func (d *Daemon) isGone() bool {
	var info syscall.WaitStatus
	pid, err := syscall.Wait4(d.process.Process.Pid, &info, syscall.WNOHANG, nil)
	return pid > 0 || errors.Is(err, syscall.ECHILD)
}

func (d *Daemon) connect(first net.Conn) error {
	dialer := func(ctx context.Context, _ string) (net.Conn, error) {
		if c := first; c != nil {
			first = nil
			return c, nil
		}
		return (&net.Dialer{}).DialContext(ctx, "unix", d.Socket)
	}
	conn, err := grpc.NewClient("passthrough:///unix", grpc.WithContextDialer(dialer),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largest), grpc.MaxCallSendMsgSize(largest)))
	if err != nil {
		return err
	}
	d.conn, d.runtime, d.images = conn, cri.NewRuntimeServiceClient(conn), cri.NewImageServiceClient(conn)
	return nil
}

// stop returns the time from SIGTERM to the end.
func (d *Daemon) stop() (time.Duration, error) {
	if d.process == nil || d.process.Process == nil {
		return 0, nil
	}
	if d.conn != nil {
		d.conn.Close()
		d.conn = nil
	}
	began := time.Now()
	process := d.process
	d.process = nil
	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	late := time.AfterFunc(20*time.Second, func() { process.Process.Kill() })
	defer late.Stop()
	process.Wait()
	return time.Since(began), nil
}

func (d *Daemon) restart() (time.Duration, error) {
	if _, err := d.stop(); err != nil {
		return 0, err
	}
	return d.start()
}

func (d *Daemon) pid() int {
	return d.process.Process.Pid
}
