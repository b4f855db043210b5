package upload_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"callrec/upload"
	"callrec/upload/folder"
	"callrec/upload/guard"
	"callrec/upload/httpput"
	"callrec/upload/spool"
)

// Example plugs the parts together the way cmd does, and ends them in order.
func Example() {
	data, err := os.MkdirTemp("", "callrec")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(data) }()

	storage, err := folder.New(filepath.Join(data, "recordings"))
	if err != nil {
		panic(err)
	}
	allow, err := guard.New([]string{"10.20.0.0/16"}) // --allow-target
	if err != nil {
		panic(err)
	}
	tenants, err := httpput.New(httpput.Config{Guard: allow})
	if err != nil {
		panic(err)
	}
	queue, err := upload.New(upload.Config{
		Target:    upload.Router{Default: storage, HTTP: tenants},
		OnOutcome: func(o upload.Outcome) { fmt.Println("delivered:", o.Delivered) },
	})
	if err != nil {
		panic(err)
	}
	files, err := spool.Open(spool.Config{Dir: filepath.Join(data, "spool"), OnReady: queue.Submit})
	if err != nil {
		panic(err)
	}

	m := spool.Manifest{ID: "202611-0123456789abcdef0123456789abcdef", Ext: "wav", Account: "acme", CallID: "abc123@10.0.0.1"}
	part, err := files.Create(m, []byte("header"))
	if err != nil {
		panic(err)
	}
	if err := part.Write([]byte("audio")); err != nil {
		panic(err)
	}
	part.Commit([]byte("HEADER"), m)

	ctx := context.Background() // cmd gives each step a time limit
	if err := files.Flush(ctx); err != nil {
		panic(err)
	}
	if err := queue.Close(ctx); err != nil {
		panic(err)
	}
	if err := files.Close(ctx); err != nil {
		panic(err)
	}
	// Output: delivered: true
}
