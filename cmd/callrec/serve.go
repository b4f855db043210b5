package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"callrec/codec/mp3"
	"callrec/recording"
)

// serveCmd is the worker's command line.
type serveCmd struct {
	Config         kong.ConfigFlag `help:"YAML file whose keys are the names of these flags." placeholder:"FILE"`
	Data           string          `help:"State: spool, recordings, admin token." default:"./callrec-data" placeholder:"DIR"`
	HTTP           string          `name:"http" help:"Address of the API." default:"127.0.0.1:8000" placeholder:"ADDR"`
	Ops            string          `help:"Address of /healthz, /readyz, /metrics and /debug/pprof; empty for none." default:"127.0.0.1:9090" placeholder:"ADDR"`
	RTPAddress     []netip.Addr    `name:"rtp-address" help:"Address told to SBCs; one for each IP version. Default: that of the default route." placeholder:"IP"`
	RTPPorts       string          `name:"rtp-ports" help:"Range of UDP ports; a call takes four." default:"20000-29999" placeholder:"FIRST-LAST"`
	RTPAllow       []netip.Prefix  `name:"rtp-allow" help:"Networks a leg's first sender may be in when the announcement names none." default:"127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16,::1/128,fc00::/7,fe80::/10" placeholder:"CIDR"`
	RTCP           string          `name:"rtcp" help:"Who gets receiver reports: ${enum}; auto is the senders that offered SDP." enum:"auto,always,never" default:"auto"`
	ReportDigits   bool            `help:"Tell of the keys that are pressed, as events; under a mask never. They may be card numbers."`
	Capture        string          `help:"How packets are read: ${enum}." enum:"auto,socket" default:"auto"`
	Storage        string          `help:"Where recordings without a url go: a folder, http(s)://…, s3://BUCKET/PREFIX or file:///DIR. Default: recordings, under --data." placeholder:"DIR|URL"`
	StorageKeep    time.Duration   `help:"How long a storage folder keeps recordings; 0 for ever." default:"0"`
	AllowTarget    []string        `help:"Where tenants' urls may point besides public addresses; repeatable." placeholder:"CIDR|HOST[:PORT]|s3://BUCKET/PREFIX|DIR"`
	UniqueNames    bool            `help:"Every file at a url carries its recording's id in its name, the first of a call id too. For workers that share a receiver but no --nats."`
	NATS           string          `name:"nats" help:"NATS server or cluster for documents, tokens and the index of recordings; events are published there. Default: one of its own, under --data." placeholder:"URL"`
	AdminTokenFile string          `help:"File that holds the admin token. Default: admin-token, under --data, made at the first start. CALLREC_ADMIN_TOKEN goes before it." placeholder:"FILE"`
	TLSCert        string          `name:"tls-cert" help:"Certificate of the API, PEM." placeholder:"FILE"`
	TLSKey         string          `name:"tls-key" help:"Its key, PEM." placeholder:"FILE"`
	HTTPInsecure   bool            `name:"http-insecure" help:"Serve the API without TLS although it can be reached from other machines."`
	Hold           time.Duration   `help:"How long audio waits for packets that are late." default:"1s"`
	SourceTimeout  time.Duration   `help:"Silence after which another source may speak on a leg." default:"5s"`
	MediaTimeout   time.Duration   `help:"Silence of both legs after which a call is ended; 0 for never." default:"1h"`
	DrainTimeout   time.Duration   `help:"How long a stopping worker waits for running calls; 0 for no limit." default:"0"`
	UploadKeep     time.Duration   `help:"How long deliveries are tried before they are parked." default:"168h"`
	Sync           string          `help:"When a recording is made safe from a power cut: ${enum}; when it ends, or also every --sync-interval while it runs." enum:"finish,interval" default:"finish"`
	SyncInterval   time.Duration   `help:"How often running recordings are synced with --sync=interval." default:"5s"`
	MinFree        int64           `help:"Disk space under --data, in MB, below which new calls are refused." default:"256" placeholder:"MB"`
	MinFreeRecs    int64           `name:"min-free-recordings" help:"Disk space below which live calls begin no further recordings; those that run go on." default:"64" placeholder:"MB"`
	SpoolQuota     int64           `help:"What the undelivered recordings of one account may take, in MB, before its new calls are refused; 0 for half of what the disk has for recordings: what is free above --min-free, and what waits already." default:"0" placeholder:"MB"`
	MaxBusy        float64         `help:"Share of its time, in %, from which on a shard gets no new calls; 0 for no limit." default:"85" placeholder:"PERCENT"`
	MaxMemory      int64           `help:"Memory the worker may take, in MB; new calls have three quarters of it. 0 for GOMEMLIMIT, or else 80 % of the machine's or the control group's." default:"0" placeholder:"MB"`
	UploadCA       string          `name:"upload-ca" help:"Certificate authorities, PEM, that receivers may also have their certificates from." placeholder:"FILE"`
	MP3Bitrate     int             `name:"mp3-bitrate" help:"Bit rate of mono MP3 in kbit/s; stereo has twice that. 0: 32 at 16 kHz and above, 24 below." default:"0" env:"CALLREC_MP3_BITRATE"`
	Shards         int             `help:"Goroutines that receive and record; 0 for one a core." default:"0"`
	LogFormat      string          `help:"Logs as ${enum}; auto is text on a terminal." enum:"auto,text,json" default:"auto"`
	Debug          bool            `help:"Log more."`
}

// Run runs the worker until SIGTERM or an interrupt. It drains at the first
// signal and finishes the running recordings at the second.
func (c *serveCmd) Run(ctx context.Context) error {
	log := newLogger(c.LogFormat, c.Debug)
	cfg, err := c.workerConfig()
	if err != nil {
		return err
	}
	cfg.maxMemory = memoryBudget(cfg.maxMemory, machineMemory(os.DirFS("/")))
	w, err := startWorker(ctx, cfg, log)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case err = <-w.failed:
		log.Error("stopping", "err", err)
	}
	drain, cancel := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if c.DrainTimeout > 0 {
		var stop context.CancelFunc
		drain, stop = context.WithTimeout(drain, c.DrainTimeout)
		defer stop()
	}
	return errors.Join(err, w.stop(drain))
}

// workerConfig checks the flags, all of them, and turns them into a workerConfig.
func (c *serveCmd) workerConfig() (workerConfig, error) {
	var bad []error
	note := func(err error) {
		if err != nil {
			bad = append(bad, err)
		}
	}
	first, last, err := parsePorts(c.RTPPorts)
	note(err)
	addrs := c.RTPAddress
	if len(addrs) == 0 {
		addrs = []netip.Addr{defaultAddress()}
	}
	storage := c.Storage
	if storage == "" {
		storage = filepath.Join(c.Data, "recordings")
	}
	if strings.Contains(storage, "://") {
		u, err := url.Parse(storage)
		known := err == nil && slices.Contains([]string{"http", "https", "s3", "file"}, u.Scheme)
		if !known || (u.Scheme != "file" && u.Host == "") {
			note(errors.New("--storage: want a folder, or a URL that begins with http://, https://, s3:// or file:///"))
		}
	}
	for name, d := range map[string]time.Duration{"--hold": c.Hold, "--source-timeout": c.SourceTimeout, "--upload-keep": c.UploadKeep, "--sync-interval": c.SyncInterval} {
		if d <= 0 {
			note(fmt.Errorf("%s: want more than 0, got %v", name, d))
		}
	}
	if c.MediaTimeout < 0 || c.DrainTimeout < 0 || c.StorageKeep < 0 || c.Shards < 0 {
		note(errors.New("--media-timeout, --drain-timeout, --storage-keep and --shards cannot be negative"))
	}
	if c.MinFreeRecs < 0 || c.MinFree < c.MinFreeRecs || c.SpoolQuota < 0 {
		note(fmt.Errorf("--min-free %d, --min-free-recordings %d, --spool-quota %d: none can be negative, and new calls need as much as further recordings", c.MinFree, c.MinFreeRecs, c.SpoolQuota))
	}
	if c.MaxBusy < 0 || c.MaxBusy > 100 || c.MaxMemory < 0 {
		note(fmt.Errorf("--max-busy %g, --max-memory %d: want 0..100 %%, and no less than 0 MB", c.MaxBusy, c.MaxMemory))
	}
	if legal := mp3.BitRates(16000); c.MP3Bitrate != 0 && !slices.Contains(legal, c.MP3Bitrate) {
		note(fmt.Errorf("--mp3-bitrate: want one of %v, or 0 for the default, got %d", legal, c.MP3Bitrate))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		note(errors.New("--tls-cert and --tls-key belong together"))
	}
	_, _, err = net.SplitHostPort(c.HTTP)
	if err != nil {
		note(fmt.Errorf("--http: want ADDR:PORT, like 127.0.0.1:8000, got %q", c.HTTP))
	}
	if err == nil && c.TLSCert == "" && !c.HTTPInsecure && !onLoopback(c.HTTP) {
		note(fmt.Errorf("--http %s can be reached from other machines: give --tls-cert and --tls-key, or say --http-insecure", c.HTTP))
	}
	if _, _, err := net.SplitHostPort(c.Ops); c.Ops != "" && err != nil {
		note(fmt.Errorf("--ops: want ADDR:PORT, like 127.0.0.1:9090, or nothing, got %q", c.Ops))
	}
	if len(bad) > 0 {
		return workerConfig{}, usageError{errors.Join(bad...)}
	}
	syncEvery := c.SyncInterval
	if c.Sync == "finish" {
		syncEvery = 0
	}
	return workerConfig{
		data: c.Data, nats: c.NATS, http: c.HTTP, ops: c.Ops, storage: storage, storageKeep: c.StorageKeep, allowTarget: c.AllowTarget, uploadCA: c.UploadCA, uniqueNames: c.UniqueNames,
		addrs: addrs, addrsFound: len(c.RTPAddress) == 0, firstPort: first, lastPort: last, rtpAllow: c.RTPAllow, rtcp: rtcpPolicies[c.RTCP], reportDigits: c.ReportDigits, shards: c.Shards,
		tokenFile: c.AdminTokenFile, tlsCert: c.TLSCert, tlsKey: c.TLSKey,
		hold: c.Hold, sourceTimeout: c.SourceTimeout, mediaTimeout: c.MediaTimeout,
		uploadKeep: c.UploadKeep, syncEvery: syncEvery,
		minFree: c.MinFree << 20, minFreeBegin: c.MinFreeRecs << 20, spoolQuota: c.SpoolQuota << 20, mp3Kbps: c.MP3Bitrate,
		maxBusy: c.MaxBusy / 100, maxMemory: c.MaxMemory << 20,
	}, nil
}

// rtcpPolicies are the values of --rtcp.
var rtcpPolicies = map[string]recording.RTCP{
	"auto": recording.RTCPAuto, "always": recording.RTCPAlways, "never": recording.RTCPNever,
}

// parsePorts reads "20000-29999".
func parsePorts(s string) (first, last uint16, err error) {
	a, b, ok := strings.Cut(s, "-")
	lo, err1 := strconv.ParseUint(a, 10, 16)
	hi, err2 := strconv.ParseUint(b, 10, 16)
	if !ok || err1 != nil || err2 != nil || lo == 0 || hi < lo {
		return 0, 0, fmt.Errorf("--rtp-ports: want FIRST-LAST, like 20000-29999, got %q", s)
	}
	if pairs := (hi+1)/2 - (lo+1)/2; pairs < 2 { // an even port and the next
		return 0, 0, fmt.Errorf("--rtp-ports: %s holds %d pairs, each an even port and the next; a call takes 2", s, pairs)
	}
	return uint16(lo), uint16(hi), nil
}

// onLoopback reports whether addr can be reached from this machine alone.
func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}
