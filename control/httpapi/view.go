package httpapi

import (
	"callrec/control"
	"callrec/recording"
)

// callView is a call as the API tells it.
type callView struct {
	CallID         string                  `json:"call_id"`
	OtherLegCallID string                  `json:"other_leg_call_id,omitempty"`
	State          string                  `json:"state"`
	Answered       bool                    `json:"answered"`
	Bridged        bool                    `json:"bridged"`
	From           string                  `json:"from,omitempty"`
	To             string                  `json:"to,omitempty"`
	Legs           []legView               `json:"legs"`
	SDP            string                  `json:"sdp,omitempty"`
	Recordings     []control.RecordingView `json:"recordings"`
	Warnings       []string                `json:"warnings,omitempty"`
}

// legView is where one leg is to be sent.
type legView struct {
	Leg      string `json:"leg"`
	Address  string `json:"address"`
	RTPPort  uint16 `json:"rtp_port"`
	RTCPPort uint16 `json:"rtcp_port"`
	Label    string `json:"label,omitempty"`
}

// view is the call as an answer to a request about it alone.
func (s *server) view(r *request, info recording.CallInfo) callView {
	v := describe(info)
	v.Warnings = r.warnings
	if info.Spec.Offer != "" {
		v.SDP = s.sdp(r, info)
	}
	return v
}

// sdp answers the offer of a call. The offer was parsed when it came, so that it
// cannot be now is our own fault, and not the client's business.
func (s *server) sdp(r *request, info recording.CallInfo) string {
	offer, err := r.offer.Of(info)
	if r.sdp != info.Spec.Offer {
		offer, err = control.OfferOf(info)
	}
	if err != nil {
		s.Log.Error("the offer of a call cannot be answered", "request_id", r.id, "account", r.account, "call_id", r.call.Call, "err", err)
		return ""
	}
	return offer.Answer(info.Legs)
}

// describe is the call without what belongs to one request.
func describe(info recording.CallInfo) callView {
	v := callView{
		CallID:         info.Spec.ID.Call,
		OtherLegCallID: info.Spec.OtherLegCallID,
		State:          info.State,
		Answered:       info.Spec.Answered || info.State == "answered" || info.State == "bridged",
		Bridged:        info.Spec.Bridged || info.State == "bridged",
		From:           info.Spec.From,
		To:             info.Spec.To,
		Legs:           []legView{},
		Recordings:     []control.RecordingView{},
	}
	for _, l := range info.Legs {
		if l.Ports.RTP == 0 {
			continue
		}
		v.Legs = append(v.Legs, legView{
			Leg: l.Leg.String(), Address: l.Ports.Addr.String(), RTPPort: l.Ports.RTP, RTCPPort: l.Ports.RTCP, Label: l.Label,
		})
	}
	for _, rec := range info.Recordings {
		v.Recordings = append(v.Recordings, control.ViewRecording(rec))
	}
	return v
}
