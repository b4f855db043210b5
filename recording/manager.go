package recording

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"callrec/capture"
	"callrec/codec/resample"
	"callrec/upload/spool"
)

// Config is what a Manager is made of. Sets and Spool are required.
type Config struct {
	Sets  []capture.Set // one for each shard; the Manager closes them
	Spool *spool.Spool
	Clock capture.Clock // the one whose instants the Sets get

	Hold          time.Duration  // how long audio waits for what is late; 0 means 1 s
	SourceTimeout time.Duration  // silence after which another source may speak; 0 means 5 s
	MediaTimeout  time.Duration  // silence of both legs that ends a call; 0 means never
	Allow         []netip.Prefix // who may be a first sender when nobody was announced
	RTCP          RTCP           // who gets receiver reports
	ReportDigits  bool           // tell of the keys pressed; they may be card numbers

	// Admit refuses an account's new calls with a reason, or returns nil; Begin
	// its further recordings of live calls. The shards ask too: neither may wait.
	// A nil function refuses nothing.
	Admit, Begin func(account string) error

	// MaxBusy is the share of the time, 0..1, from which on a shard that works for
	// so much of it gets no more calls; 0: no limit.
	MaxBusy float64

	// Used reports whether a call id has had a recording before, which still has
	// the plain name at its target; nil: only this process and the spool are asked.
	// It is asked by the shards: it must not wait.
	Used func(account, callID string) bool

	// OnEvent is told of everything that happens, by the shards and by whoever tells
	// of an outcome: it must not wait.
	OnEvent func(Event)
	Log     *slog.Logger // nil: nothing is logged
}

// Manager takes announcements and commands to the shard that owns the call. Its
// methods may be called by anybody.
type Manager struct {
	// Never mutated.
	cfg     Config
	clock   timekeeper
	epoch   time.Time
	cname   string // of this worker in RTCP: random, so that it tells nobody where we are (RFC 7022)
	shards  []*shard
	stop    chan struct{}
	filters filters
	warp    *resample.Warp
	owners  sync.Map // recording id → its shard, until it is delivered or forgotten
	names   nameBook
	stepper *stepTime // its owner's time, which only Step lets pass; nil: shards run by themselves

	// mu guards the following.
	mu       sync.Mutex
	calls    map[CallID]*entry
	live     int           // calls that a shard still works on
	idle     chan struct{} // closed and replaced whenever live reaches 0
	draining bool
	closed   bool
}

// entry is a call id that is, or was lately, a call.
type entry struct {
	call  *call
	ready chan struct{} // closed once a shard has answered
	shard *shard        // which, once ready
	err   error         // why there is no call, once ready
}

// New starts the shards.
func New(cfg Config) (*Manager, error) {
	m, err := newManager(cfg, realTime{cfg.Clock}, time.Now().Add(-cfg.Clock.Now().Mono))
	if err != nil {
		return nil, err
	}
	for _, sh := range m.shards {
		go sh.run(m.stop)
	}
	go m.measure()
	return m, nil
}

// newManager makes the shards; somebody has to run them. epoch is position 0 of
// the clock.
func newManager(cfg Config, keeper timekeeper, epoch time.Time) (*Manager, error) {
	if len(cfg.Sets) == 0 || cfg.Spool == nil {
		return nil, errors.New("cannot start recording without a set of ports and a spool")
	}
	if cfg.Hold < 0 || cfg.Hold > 10*time.Second || cfg.SourceTimeout < 0 || cfg.MediaTimeout < 0 {
		return nil, fmt.Errorf("cannot record with a hold of %v, a source time-out of %v and a media time-out of %v: want 0..10s, and none negative", cfg.Hold, cfg.SourceTimeout, cfg.MediaTimeout)
	}
	if cfg.MaxBusy < 0 || cfg.MaxBusy > 1 {
		return nil, fmt.Errorf("cannot keep shards below %v of their time: want 0..1", cfg.MaxBusy)
	}
	if cfg.Hold == 0 {
		cfg.Hold = time.Second
	}
	if cfg.SourceTimeout == 0 {
		cfg.SourceTimeout = 5 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	all, err := newFilters()
	if err != nil {
		return nil, err
	}
	m := &Manager{
		cfg: cfg, filters: all, warp: resample.NewWarp(), clock: keeper, epoch: epoch, cname: newCNAME(), stop: make(chan struct{}),
		calls: map[CallID]*entry{}, idle: make(chan struct{}),
	}
	for _, set := range cfg.Sets {
		m.shards = append(m.shards, newShard(m, set))
	}
	return m, nil
}

// Announce takes a call in. The same announcement of a live call gives the same
// answer again, with created false; a different one is a *ConflictError. When
// there is no room, or the worker drains, the error is a *RefusedError.
func (m *Manager) Announce(ctx context.Context, spec CallSpec) (info CallInfo, created bool, err error) {
	if spec.ID.Account == "" || spec.ID.Call == "" || len(spec.ID.Call) > 255 || spec.At.IsZero() {
		return CallInfo{}, false, fmt.Errorf("cannot announce call %q of account %q at %v: want an account, a call id of 1..255 bytes and an instant", spec.ID.Call, spec.ID.Account, spec.At)
	}
	if spec.Legs == nil {
		spec.Legs = []LegSpec{{Leg: Caller}, {Leg: Callee}}
	}
	full := permit(m.cfg.Admit, spec.ID.Account)
	for {
		m.mu.Lock()
		e := m.calls[spec.ID]
		if e == nil || e.over() {
			break
		}
		m.mu.Unlock()
		if info, err := e.again(ctx, spec); !errors.Is(err, errNoCall) {
			return info, false, err
		}
	}
	if m.draining {
		m.mu.Unlock()
		return CallInfo{}, false, refusal(fmt.Sprintf("this worker is draining and takes no new calls; %d still run", m.Stats().Calls))
	}
	if full != nil {
		m.mu.Unlock()
		return CallInfo{}, false, refusal(full.Error())
	}
	c := &call{spec: spec, epoch: m.since(spec.At), epochWall: spec.At.Round(0), interaction: m.newInteraction()}
	e := &entry{call: c, ready: make(chan struct{})}
	m.calls[spec.ID] = e
	m.live++
	m.mu.Unlock()

	defer close(e.ready)
	r, err := m.place(ctx, e)
	if err != nil {
		e.err = err
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.calls, spec.ID)
		m.lessLive()
		return CallInfo{}, false, err
	}
	waitSaved(ctx, r.saved, announcedIn)
	return *r.info, true, nil
}

// permit asks a function of Config that may not be there.
func permit(may func(string) error, account string) error {
	if may == nil {
		return nil
	}
	return may(account)
}

// errNoCall says that an entry has come to nothing.
var errNoCall = errors.New("the announcement before failed")

// over reports whether the entry's call has hung up.
func (e *entry) over() bool {
	info := e.call.info.Load()
	return info != nil && info.State == "ended"
}

// again answers a repeated announcement; errNoCall: the one before has failed, for
// a reason that may have been its client's own.
func (e *entry) again(ctx context.Context, spec CallSpec) (CallInfo, error) {
	select {
	case <-e.ready:
	case <-ctx.Done():
		return CallInfo{}, ctx.Err()
	}
	if e.err != nil {
		return CallInfo{}, errNoCall
	}
	was := e.call.spec
	spec.At, spec.Decided, spec.DecidedFlow = was.At, was.Decided, was.DecidedFlow
	same := e.call.announced == fingerprint(&spec)
	if e.call.announced == "" {
		same = reflect.DeepEqual(was, spec)
	}
	if !same {
		return CallInfo{}, &ConflictError{spec.ID}
	}
	return *e.call.info.Load(), nil
}

// Do carries a command out on a live call.
func (m *Manager) Do(ctx context.Context, id CallID, cmd Command) (CallInfo, error) {
	r, err := m.command(ctx, id, &cmd)
	if err != nil {
		return CallInfo{}, err
	}
	info := *r.info
	if !waitSaved(ctx, r.saved, toldIn) {
		info.Warnings = append(slices.Clip(info.Warnings), notSaved)
	}
	return info, nil
}

// command has the shard carry a command out.
func (m *Manager) command(ctx context.Context, id CallID, cmd *Command) (reply, error) {
	m.mu.Lock()
	e := m.calls[id]
	m.mu.Unlock()
	if e == nil {
		return reply{}, &NotFoundError{"call", id.Call}
	}
	select {
	case <-e.ready:
	case <-ctx.Done():
		return reply{}, ctx.Err()
	}
	if e.err != nil {
		return reply{}, &NotFoundError{"call", id.Call}
	}
	r, err := m.ask(ctx, e.shard, request{command: cmd, call: e.call})
	if err == nil {
		err = r.err
	}
	return r, err
}

// A disk that is behind is not waited for longer than that.
const (
	toldIn      = time.Second
	announcedIn = 100 * time.Millisecond // the call is being set up meanwhile
)

// waitSaved waits until a kill cannot undo what was done: who has been told that a
// recording is masked relies on it. A disk that is behind, or takes nothing, is not
// waited for; then it reports false.
func waitSaved(ctx context.Context, saved []<-chan struct{}, atMost time.Duration) bool {
	if len(saved) == 0 {
		return true
	}
	late := time.NewTimer(atMost)
	defer late.Stop()
	for _, done := range saved {
		select {
		case <-done:
		case <-late.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// notSaved is what the answer to a command says when it could not wait any longer.
const notSaved = "it is done, but the disk has not taken it yet: should the worker crash now, it may be undone"

// Info is the picture of a call: live, or ended less than a minute ago.
func (m *Manager) Info(id CallID) (CallInfo, bool) {
	m.mu.Lock()
	e := m.calls[id]
	m.mu.Unlock()
	if e == nil {
		return CallInfo{}, false
	}
	info := e.call.info.Load()
	if info == nil {
		return CallInfo{}, false
	}
	return *info, true
}

// Calls are the pictures of an account's live calls, in no order.
func (m *Manager) Calls(account string) []CallInfo {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []CallInfo
	for id, e := range m.calls {
		if info := e.call.info.Load(); id.Account == account && info != nil && info.State != "ended" {
			out = append(out, *info)
		}
	}
	return out
}

// Spooled says that the spool has a recording, complete and synced. cmd plugs it
// and Lost into the spool, Delivered, Parked and Retried into the deliverers.
func (m *Manager) Spooled(recording string) { m.tell(outcome{recording: recording, on: onSaved}) }

// Lost says that a finished recording could not be made whole, and why.
func (m *Manager) Lost(recording string, err error) {
	m.tell(outcome{recording: recording, on: onFault, reason: err.Error()})
}

func (m *Manager) tell(o outcome) {
	sh, ok := m.owners.Load(o.recording)
	if !ok {
		m.afterwards(&o)
		return
	}
	if o.on == onDelivered {
		m.owners.Delete(o.recording)
	}
	select {
	case sh.(*shard).inbox <- request{outcome: &o}:
	case <-m.stop:
	}
}

// ask gives a request to a shard and waits for the reply.
func (m *Manager) ask(ctx context.Context, sh *shard, r request) (reply, error) {
	r.reply = make(chan reply, 1)
	if m.stepper != nil {
		sh.handle(r)
		return <-r.reply, nil
	}
	select {
	case sh.inbox <- r:
	case <-ctx.Done():
		return reply{}, ctx.Err()
	case <-m.stop:
		return reply{}, refusal("this worker is stopping")
	}
	// The shard has it and will do it; an answer that comes late is still true.
	select {
	case out := <-r.reply:
		return out, nil
	case <-sh.done:
		if len(r.reply) > 0 {
			return <-r.reply, nil // its last deed
		}
		return reply{}, refusal("this worker is stopping")
	}
}

// callEnded is the shard's word that it has no more work with a call.
func (m *Manager) callEnded() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lessLive()
}

func (m *Manager) lessLive() {
	if m.live--; m.live == 0 {
		close(m.idle)
		m.idle = make(chan struct{})
	}
}

// forget drops the picture of an ended call, unless its id is a new call by now.
func (m *Manager) forget(c *call) {
	for _, t := range c.tracks {
		m.owners.Delete(t.id)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.calls[c.spec.ID]; e != nil && e.call == c {
		delete(m.calls, c.spec.ID)
	}
}
