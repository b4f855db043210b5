package main

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"callrec/recording"
	"callrec/upload"
)

// metrics reads the parts' own figures when Prometheus asks. No other package
// knows of Prometheus.
type metrics struct{ w *worker }

// Describe sends nothing: the collector is unchecked, its metrics are in Collect.
func (metrics) Describe(chan<- *prometheus.Desc) {}

// Collect sends every figure once.
func (m metrics) Collect(out chan<- prometheus.Metric) {
	send := func(kind prometheus.ValueType, name, help string, v float64, labels ...string) {
		var names, values []string
		for i := 0; i+1 < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc("callrec_"+name, help, names, nil), kind, v, values...)
	}
	gauge := func(name, help string, v float64, labels ...string) {
		send(prometheus.GaugeValue, name, help, v, labels...)
	}
	count := func(name, help string, v float64, labels ...string) {
		send(prometheus.CounterValue, name, help, v, labels...)
	}

	r := m.w.manager.Stats()
	gauge("calls", "Live calls.", float64(r.Calls))
	for i, share := range r.Busy {
		gauge("shard_busy_share", "Share of the time that a shard works, over the last seconds; new calls are refused from --max-busy on.", share, "shard", strconv.Itoa(i))
	}
	count("recordings_total", "Recordings made.", float64(r.Recordings))
	count("calls_resumed_total", "Calls of an earlier process that went on after a restart.", float64(r.Resumed))
	for i, n := range r.Entered {
		count("recording_states_total", "How often a recording has entered a state.", float64(n), "state", recording.State(i).String())
	}
	for fate, n := range r.Packets {
		count("packets_total", "Packets of legs that have ended, by what became of them.", float64(n), "fate", fate)
	}
	gauge("port_pairs", "Pairs of UDP ports, by state.", float64(r.Ports.Free), "state", "free")
	gauge("port_pairs", "Pairs of UDP ports, by state.", float64(r.Ports.Open), "state", "open")
	gauge("port_pairs", "Pairs of UDP ports, by state.", float64(r.Ports.Resting), "state", "resting")
	count("datagrams_read_total", "Datagrams read from all ports.", float64(r.Datagrams.Read))
	count("datagrams_truncated_total", "Datagrams longer than any RTP packet we take.", float64(r.Datagrams.Truncated))
	count("datagrams_dropped_total", "Datagrams the kernel dropped before we read them.", float64(r.Datagrams.KernelDrops))
	count("port_read_errors_total", "Reads of a port that failed.", float64(r.Datagrams.ReadErrors))

	s := m.w.spool.Stats()
	gauge("spool_recordings", "Recordings in the spool, by state.", float64(s.Parts), "state", "part")
	gauge("spool_recordings", "Recordings in the spool, by state.", float64(s.Ready), "state", "ready")
	gauge("spool_recordings", "Recordings in the spool, by state.", float64(s.Parked), "state", "parked")
	parked := usageOf(m.w.spool.Usage(), 0, 0).Parked.ByClass
	for _, class := range []string{upload.Retry.String(), upload.Slow.String(), upload.Permanent.String(), "unknown"} {
		gauge("spool_parked_recordings", "Recordings that wait for the operator, by the class of the error that parked them.", float64(parked[class]), "class", class)
	}
	gauge("spool_bytes", "Audio in the spool.", float64(s.BytesOnDisk))
	gauge("spool_queued_bytes", "Audio that waits for the disk.", float64(s.BytesQueued))
	count("spool_lost_bytes_total", "Audio that the disk refused.", float64(s.BytesLost))
	count("spool_failed_parts_total", "Recordings on which the disk failed.", float64(s.Failed))
	count("spool_quarantined_total", "Files of the spool that made no sense and were moved aside.", float64(s.Quarantined))

	count("spool_sync_failures_total", "Syncs of running recordings (--sync=interval) that failed.", float64(s.SyncFaults))
	gauge("spool_unreadable", "Recordings in the spool that could not be read at the start and were left as they are.", float64(s.Unreadable))

	gauge("disk_free_bytes", "Space left on the spool's disk; negative when it cannot be read.", float64(m.w.space.free.Load()))

	gauge("memory_needed_bytes", "Memory that the live calls and all else need, without garbage; new calls are refused from three quarters of the budget on.",
		float64(m.w.space.memory.use.Load().with(r.Calls)))
	gauge("memory_budget_bytes", "What the process may take (--max-memory); 0 is no limit.", float64(m.w.cfg.maxMemory))

	q := m.w.queue.Stats()
	gauge("uploads", "Deliveries, by state.", float64(q.Waiting), "state", "waiting")
	gauge("uploads", "Deliveries, by state.", float64(q.Active), "state", "active")
	gauge("upload_destinations", "Destinations that recordings wait for, by state.", float64(q.Destinations-q.Down), "state", "up")
	gauge("upload_destinations", "Destinations that recordings wait for, by state.", float64(q.Down), "state", "down")
	count("uploads_delivered_total", "Recordings delivered.", float64(q.Delivered))
	count("uploads_parked_total", "Recordings parked.", float64(q.Parked))
	count("upload_failures_total", "Tries that failed.", float64(q.Failures))
	age := 0.0
	if !q.Oldest.IsZero() {
		age = time.Since(q.Oldest).Seconds()
	}
	gauge("upload_oldest_seconds", "Age of the oldest recording that is not delivered.", age)

	st := m.w.store.Stats()
	connected := 0.0
	if st.Connected {
		connected = 1
	}
	gauge("store_connected", "Whether NATS answers: 1 or 0.", connected)
	gauge("index_queued", "Recordings that wait for the index.", float64(st.Queued))
	count("index_refused_total", "Recordings the index had no room for.", float64(st.Refused))
	count("events_not_published_total", "Events NATS had no time for, or refused.", float64(st.EventsLost))
	count("events_not_logged_total", "Events the log had no time for.", float64(m.w.events.dropped.Load()))
}
