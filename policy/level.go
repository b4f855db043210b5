package policy

import "slices"

// The directions index the cells of a level, and so do networks: onnet, offnet.
const (
	inbound = iota
	outbound
)

var (
	directions = [2]string{"inbound", "outbound"}
	networks   = [2]string{"onnet", "offnet"}
)

// Rates are the sample rates that settings may ask for, in Hz: those of MPEG Layer III.
var Rates = []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}

// field is one key of call_recording.parameters, as a bit.
type field uint16

const (
	fEnabled field = 1 << iota
	fFormat
	fChannels
	fRate
	fMin
	fLimit
	fAnswer
	fBridge
	fURL
)

// cell is what one level says about the calls of one direction and network.
type cell struct {
	said field // fields with a value
	gone field // fields that null has taken away from what is less specific

	enabled, onAnswer, onBridge bool
	format, channels, url       string
	rate, min, limit            *int
}

// level is one call_recording document, expanded. nil is a level that says nothing.
type level [2][2]cell

// lay puts a more specific cell over c, field by field.
func (c *cell) lay(o *cell) {
	if o.said&fEnabled != 0 {
		c.enabled = o.enabled
	}
	if o.said&fFormat != 0 {
		c.format = o.format
	}
	if o.said&fChannels != 0 {
		c.channels = o.channels
	}
	if o.said&fRate != 0 {
		c.rate = o.rate
	}
	if o.said&fMin != 0 {
		c.min = o.min
	}
	if o.said&fLimit != 0 {
		c.limit = o.limit
	}
	if o.said&fAnswer != 0 {
		c.onAnswer = o.onAnswer
	}
	if o.said&fBridge != 0 {
		c.onBridge = o.onBridge
	}
	if o.said&fURL != 0 {
		c.url = o.url
	}
	c.said = c.said&^o.gone | o.said
	c.gone = (c.gone | o.gone) &^ o.said
}

// on reports whether the cell records.
func (c *cell) on() bool { return c.said&fEnabled != 0 && c.enabled }

// settings are those of a recording that the cell asks for.
func (c *cell) settings() Settings {
	s := Settings{ShouldFollowTransfer: &follow}
	if c.said&fFormat != 0 {
		s.Format = c.format
	}
	if c.said&fChannels != 0 {
		s.Channels = c.channels
	}
	if c.said&fRate != 0 {
		s.RecordSampleRate = c.rate
	}
	if c.said&fMin != 0 {
		s.RecordMinSec = c.min
	}
	if c.said&fLimit != 0 {
		s.TimeLimit = c.limit
	}
	s.RecordOnAnswer = c.said&fAnswer != 0 && c.onAnswer
	s.RecordOnBridge = c.said&fBridge != 0 && c.onBridge
	if c.said&fURL != 0 {
		s.URL = c.url
	}
	return s
}

// follow is shared by all: recordings made by documents never follow a transfer.
var follow = false

// expand reads a call_recording into its four cells. For each of them the fields
// come, later ones winning, from any.any, <direction>.any, any.<network> and
// <direction>.<network>; a cell that neither any.any nor <direction>.any speaks
// for is off. An empty document says nothing.
func expand(doc map[string]any) *level {
	if len(doc) == 0 {
		return nil
	}
	var l level
	anywhere := object(doc, "any")
	for d, direction := range directions {
		source := object(doc, direction)
		for n, network := range networks {
			c := &l[d][n]
			_, general := anywhere["any"].(map[string]any)
			_, directed := source["any"].(map[string]any)
			if !general && !directed {
				c.said = fEnabled // and not enabled
			}
			for _, parameters := range []any{anywhere["any"], source["any"], anywhere[network], source[network]} {
				m, _ := parameters.(map[string]any)
				said := readCell(m)
				c.lay(&said)
			}
		}
	}
	return &l
}

var fields = map[string]field{
	"enabled": fEnabled, "format": fFormat, "channels": fChannels, "record_sample_rate": fRate, "record_min_sec": fMin,
	"time_limit": fLimit, "record_on_answer": fAnswer, "record_on_bridge": fBridge, "url": fURL,
}

// readCell reads parameters. Documents are validated before they are stored, so
// what is wrong here is older than the rule it breaks; it must not cost a
// recording, and reads as not given. A limit beyond the longest is the longest,
// and a least length below nothing is nothing.
func readCell(m map[string]any) (c cell) {
	for key, v := range m {
		if v == nil {
			c.gone |= fields[key]
			continue
		}
		var ok bool
		switch key {
		case "enabled":
			c.enabled, ok = boolean(v)
		case "record_on_answer":
			c.onAnswer, ok = boolean(v)
		case "record_on_bridge":
			c.onBridge, ok = boolean(v)
		case "format":
			c.format, ok = v.(string)
			ok = ok && (c.format == "mp3" || c.format == "wav")
		case "channels":
			c.channels, ok = v.(string)
			ok = ok && (c.channels == "mono" || c.channels == "stereo")
		case "url":
			c.url, ok = v.(string)
		case "record_sample_rate":
			c.rate = wholeNumber(v)
			ok = c.rate != nil && slices.Contains(Rates, *c.rate)
		case "record_min_sec":
			if c.min = wholeNumber(v); c.min != nil {
				*c.min, ok = max(*c.min, 0), true
			}
		case "time_limit":
			if c.limit = wholeNumber(v); c.limit != nil {
				*c.limit = min(*c.limit, MaxTimeLimit)
				ok = *c.limit >= MinTimeLimit
			}
		}
		if ok {
			c.said |= fields[key]
		}
	}
	return c
}

// boolean and wholeNumber also take the text of what they are after.
func boolean(v any) (yes, ok bool) {
	if mended, is := cast(v, "boolean"); is {
		v = mended
	}
	yes, ok = v.(bool)
	return yes, ok
}

func wholeNumber(v any) *int {
	if mended, is := cast(v, "integer"); is {
		v = mended
	}
	return integer(v)
}
