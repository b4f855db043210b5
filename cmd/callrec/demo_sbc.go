package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"time"

	"callrec/recording"
)

// sbc plays the session border controller of one call: it talks to the worker's
// API like any other client, and sends both legs as RTP. It knows nothing of the
// worker but its address and token.
type sbc struct {
	channels string // URL
	token    string
	callID   string
	client   *http.Client
	conns    [2]*net.UDPConn // the legs are sent from here
}

// channelAnswer is what the API says of the call, as far as the SBC cares.
type channelAnswer struct {
	Legs []struct {
		Leg     string     `json:"leg"`
		Address netip.Addr `json:"address"`
		RTPPort uint16     `json:"rtp_port"`
	} `json:"legs"`
	Recordings []recordingAnswer `json:"recordings"`
}

// recordingAnswer is one recording of the call.
type recordingAnswer struct {
	ID         string             `json:"id"`
	State      string             `json:"state"`
	Reason     string             `json:"reason"`
	Format     string             `json:"format"`
	Rate       int                `json:"record_sample_rate"`
	Channels   string             `json:"channels"`
	DurationMS int64              `json:"duration_ms"`
	Quality    *recording.Quality `json:"quality"`
}

// span is the time a request took: whatever it did, it did in between.
type span struct{ from, to time.Time }

func newSBC(api, token string) (*sbc, error) {
	s := &sbc{
		channels: "http://" + api + "/v2/accounts/demo/channels", token: token,
		callID: "demo-" + time.Now().Format("150405"),
		// No proxy of the environment: the worker is on loopback.
		client: &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second},
	}
	for i := range s.conns {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
		if err != nil {
			s.close()
			return nil, fmt.Errorf("the SBC cannot open a port: %w", err)
		}
		s.conns[i] = conn
	}
	return s, nil
}

func (s *sbc) close() {
	s.client.CloseIdleConnections()
	for _, c := range s.conns {
		if c != nil {
			_ = c.Close() // nothing is buffered in it
		}
	}
}

// announce tells the worker of the call, and has it recorded to url once for
// each format, from the bridge on.
func (s *sbc) announce(ctx context.Context, url string, formats, channels []string) (c channelAnswer, err error) {
	var flow any
	for i := len(formats) - 1; i >= 0; i-- {
		node := map[string]any{"module": "record_call", "data": map[string]any{
			"action": "start", "format": formats[i], "channels": channels[i], "record_on_bridge": true, "url": url,
		}}
		if flow != nil {
			node["children"] = map[string]any{"_": flow}
		}
		flow = node
	}
	var legs []any
	for i, name := range parties {
		legs = append(legs, map[string]any{"leg": name, "source": s.conns[i].LocalAddr().String()})
	}
	c, _, err = s.request(ctx, http.MethodPut, s.channels, map[string]any{
		"call_id": s.callID, "from": "1001@demo.example", "to": "+15551234567@demo.example",
		"caller_id_name": "Ann", "caller_id_number": "1001", "legs": legs, "flow": flow,
	})
	if err == nil && (len(c.Legs) != 2 || len(c.Recordings) != len(formats)) {
		err = fmt.Errorf("the worker answered the announcement with %d legs and %d recordings", len(c.Legs), len(c.Recordings))
	}
	return c, err
}

// parties are the legs in the order of the API's answers, the demo's speech and
// the channels of a stereo file.
var parties = [2]string{recording.Caller.String(), recording.Callee.String()}

// act posts answer, bridge or hangup.
func (s *sbc) act(ctx context.Context, action string) (channelAnswer, span, error) {
	return s.request(ctx, http.MethodPost, s.channels+"/"+s.callID, map[string]any{"action": action})
}

// delivered asks until the worker, too, knows that every file was taken.
func (s *sbc) delivered(ctx context.Context) (c channelAnswer, err error) {
	ctx, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		if c, _, err = s.request(ctx, http.MethodGet, s.channels+"/"+s.callID, nil); err != nil {
			return c, err
		}
		done := true
		for _, r := range c.Recordings {
			switch r.State {
			case recording.Delivered.String():
				done = done && r.Quality != nil
			case recording.Failed.String(), recording.Parked.String(), recording.Discarded.String(), recording.Cancelled.String():
				return c, fmt.Errorf("recording %s is %s: %s", r.ID, r.State, r.Reason)
			default:
				done = false
			}
		}
		if done {
			return c, nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return c, fmt.Errorf("the worker does not say that the files were delivered: %w", ctx.Err())
		}
	}
}

// request sends data in the API's envelope and reads the answer out of its own.
func (s *sbc) request(ctx context.Context, method, url string, data any) (c channelAnswer, took span, err error) {
	var body io.Reader
	if data != nil {
		b, err := json.Marshal(map[string]any{"data": data})
		if err != nil {
			return c, took, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return c, took, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Auth-Token", s.token)
	took.from = time.Now()
	resp, err := s.client.Do(req)
	if err != nil {
		return c, took, fmt.Errorf("the worker does not answer: %w", err)
	}
	answer, err := io.ReadAll(resp.Body)
	took.to = time.Now()
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return c, took, fmt.Errorf("the worker's answer broke off: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return c, took, fmt.Errorf("the worker refused: %s: %s", resp.Status, answer)
	}
	if err = json.Unmarshal(answer, &struct{ Data *channelAnswer }{&c}); err != nil {
		return c, took, fmt.Errorf("the worker's answer is not understood: %w", err)
	}
	return c, took, nil
}

// randomStart is where RFC 3550 §5.1 wants sequence numbers and timestamps to
// begin.
func randomStart() (seq uint16, stamp, ssrc uint32) {
	return uint16(rand.Uint32()), rand.Uint32(), rand.Uint32()
}
