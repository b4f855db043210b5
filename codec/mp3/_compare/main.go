// Command compare encodes a WAV file as lame does, from file to file, so that
// mp3_vs_lame.sh can hold one against the other.
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"callrec/codec"
	"callrec/codec/mp3"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: compare KBPS IN.wav OUT.mp3")
		os.Exit(2)
	}
	if err := encode(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func encode(kbps, from, to string) error {
	rate, err := strconv.Atoi(kbps)
	if err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	r := bufio.NewReaderSize(in, 1<<16)
	head := make([]byte, 44)
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	if string(head[36:40]) != "data" || head[34] != 16 {
		return errors.New("the input must be a plain WAV file of 16 bits")
	}
	e, err := mp3.New(mp3.Config{
		Rate:     int(binary.LittleEndian.Uint32(head[24:])),
		Channels: int(head[22]),
		BitRate:  rate,
	})
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	w := e.Header(make([]byte, 0, 1<<16), codec.Tags{})
	raw, pcm := make([]byte, 1<<15), make([]int16, 1<<14)
	for {
		n, err := io.ReadFull(r, raw)
		for i := range n / 2 {
			pcm[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
		}
		w = e.Append(w, pcm[:n/2])
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return err
		}
		if _, err := out.Write(w); err != nil {
			return err
		}
		w = w[:0]
	}
	if _, err := out.Write(e.Finish(w, codec.Tags{})); err != nil {
		return err
	}
	if _, err := out.WriteAt(e.Header(nil, codec.Tags{}), 0); err != nil {
		return err
	}
	return out.Close()
}
