package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
)

// defaultAddress is this machine's address towards the default route, or else
// its first address that others can reach, or else loopback.
func defaultAddress() netip.Addr {
	if name := defaultInterface(); name != "" {
		if i, err := net.InterfaceByName(name); err == nil {
			if addrs, err := i.Addrs(); err == nil {
				if a, ok := firstGlobal(addrs); ok {
					return a
				}
			}
		}
	}
	if addrs, err := net.InterfaceAddrs(); err == nil {
		if a, ok := firstGlobal(addrs); ok {
			return a
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// defaultInterface reads the kernel's IPv4 routes; "" where there is no such
// file or no default route.
func defaultInterface() string {
	f, err := os.Open("/proc/net/route")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if c := strings.Fields(lines.Text()); len(c) > 7 && c[1] == "00000000" && c[7] == "00000000" {
			return c[0]
		}
	}
	return ""
}

// firstGlobal prefers IPv4, which is what SBCs fork to.
func firstGlobal(addrs []net.Addr) (found netip.Addr, ok bool) {
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil || !p.Addr().IsGlobalUnicast() {
			continue
		}
		if p.Addr().Is4() {
			return p.Addr(), true
		}
		if !ok {
			found, ok = p.Addr(), true
		}
	}
	return found, ok
}

// filesOutsideCalls is what the process keeps open besides calls: listeners,
// connections of the API, deliveries.
const filesOutsideCalls = 200

// room is how many calls there are ports, open files and memory for.
type room struct {
	ports, files, memory int
	budget               int64 // of memory, in bytes; 0: no limit
}

// roomFor counts ports and files. A call takes two pairs of ports, four sockets,
// and one file a recording.
func roomFor(first, last uint16) room {
	pairs := (int(last) + 1 - int(first+first%2)) / 2
	r := room{ports: pairs / 2, files: 1 << 30}
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil && limit.Cur < 1<<30 {
		r.files = max(int(limit.Cur)-filesOutsideCalls, 0) / 5
	}
	return r
}

func (r room) String() string {
	s := fmt.Sprintf("room for %d calls (ports), %d (open files)", r.ports, r.files)
	if r.budget > 0 {
		s += fmt.Sprintf(", %d (memory)", r.memory)
	}
	return s
}

// diskSpace is what the disk under dir has left for us, in bytes.
func diskSpace(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // of other types on other systems
}

// check complains of limits of the machine with which the worker cannot do
// what its flags say, with the remedy: an error when it could take no call at all.
func (r room) check(free, forCalls int64, warn func(string)) error {
	switch {
	case r.ports < 1:
		return errors.New("the range of ports has no room for a call, which takes two pairs, 4 ports (--rtp-ports)")
	case r.files < 1:
		return fmt.Errorf("the limit of open files has no room for a call, which takes 5 besides %d of the worker's own (raise it: ulimit -n, LimitNOFILE=)", filesOutsideCalls)
	case r.budget > 0 && r.memory < 1:
		return fmt.Errorf("a budget of %d MB of memory has no room for a call beside what the worker itself takes (--max-memory)", r.budget>>20)
	}
	if r.files < r.ports {
		warn(fmt.Sprintf("the ports have room for %d calls, the limit of open files for %d only (raise it to %d: ulimit -n, LimitNOFILE=)",
			r.ports, r.files, filesOutsideCalls+5*r.ports))
	}
	if r.budget > 0 && r.memory < min(r.ports, r.files) {
		warn(fmt.Sprintf("the ports have room for %d calls, the budget of %d MB of memory for %d only (--max-memory, or a machine or control group with more)",
			r.ports, r.budget>>20, r.memory))
	}
	if free < forCalls {
		warn(fmt.Sprintf("the disk has %d MB left, new calls need %d and are refused (--data, --min-free)", free>>20, forCalls>>20))
	}
	return nil
}
