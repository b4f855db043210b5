package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// demoWorker is a worker that nobody outside this machine can reach. It may
// deliver to the receiver, which is on loopback, and to nothing else there.
func demoWorker(state, receiver string) (workerConfig, error) {
	first, last, err := freePorts()
	if err != nil {
		return workerConfig{}, err
	}
	return workerConfig{
		data: state, http: "127.0.0.1:0", storage: filepath.Join(state, "recordings"), allowTarget: []string{receiver},
		addrs: []netip.Addr{loopback}, firstPort: first, lastPort: last,
		rtpAllow: []netip.Prefix{netip.PrefixFrom(loopback, 32)}, shards: 1,
		hold: time.Second, sourceTimeout: 5 * time.Second, mediaTimeout: time.Minute, uploadKeep: time.Minute, minFree: 64 << 20,
	}, nil
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// demoPorts is room for four calls: should another program take a pair between
// our look and the call, the worker goes to the next.
const demoPorts = 16

// freePorts finds a range in which every port is free now, near one that the
// system gives out.
func freePorts() (first, last uint16, err error) {
	for range 20 {
		var base uint16
		if base, err = tryPort(0); err != nil {
			break
		}
		base += base % 2
		if base > 65535-demoPorts {
			continue
		}
		busy := false
		for p := base; p < base+demoPorts && !busy; p++ {
			_, err = tryPort(p)
			busy = err != nil
		}
		if !busy {
			return base, base + demoPorts - 1, nil
		}
	}
	return 0, 0, fmt.Errorf("cannot find %d free UDP ports in a row on loopback: %w", demoPorts, err)
}

// tryPort binds a UDP port, 0 for any, and lets go of it.
func tryPort(port uint16) (uint16, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, port)))
	if err != nil {
		return 0, err
	}
	got := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	return got, conn.Close()
}

// tokenAt reads the admin token where the worker says that it is, as an operator
// would.
func tokenAt(place string) (string, error) {
	if t := os.Getenv(place); t != "" { // a place is a file or a variable
		return strings.TrimSpace(t), nil
	}
	b, err := os.ReadFile(place)
	if err != nil {
		return "", fmt.Errorf("cannot read the admin token: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}
