// Command callrec records telephone calls that a session border controller forks
// to it. This package turns flags, environment and a configuration file into the
// configurations of the other packages, plugs them together, and runs them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "dev"

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// cli is the whole command line. kong fills it from flags, then CALLREC_… in the
// environment, then the file given by --config.
type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the worker."`
	Demo    demoCmd    `cmd:"" help:"Record a simulated call on this machine, end to end, and show the file."`
	Replay  replayCmd  `cmd:"" help:"Record a call from a capture file, on the capture's clock."`
	Inspect inspectCmd `cmd:"" help:"Tell what WAV and MP3 files hold, and find damage."`
	Spool   spoolCmd   `cmd:"" help:"See, send again and copy out what was not delivered."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

type versionCmd struct{}

func (versionCmd) Run() error {
	_, err := fmt.Println("callrec", version)
	return err
}

func main() { os.Exit(run(os.Args[1:])) }

// run is main without the process: it returns the exit code.
func run(args []string) int {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	var c cli
	exit := -1
	parser := newParser(ctx, &c, func(code int) { exit = code })
	k, err := parser.Parse(args)
	if exit >= 0 { // --help has printed
		return exit
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "callrec:", err)
		fmt.Fprintln(os.Stderr, "Run callrec --help, or callrec serve --help, for what there is.")
		return exitUsage
	}
	err = k.Run()
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "callrec:", err)
		return exitUsage
	default:
		fmt.Fprintln(os.Stderr, "callrec:", err)
		return exitFailed
	}
}

// newParser is what reads the command line into c. exit is called by --help.
func newParser(ctx context.Context, c *cli, exit func(code int)) *kong.Kong {
	parser, err := kong.New(c,
		kong.Name("callrec"),
		kong.Description("Records the calls that a session border controller forks to it."),
		kong.UsageOnError(),
		kong.Exit(exit),
		kong.DefaultEnvars("CALLREC"),
		kong.Configuration(loadYAML),
		kong.ValueFormatter(withDefault),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		panic(err) // the struct above is wrong, not what the user typed
	}
	return parser
}

// withDefault adds to a flag's help what it is when it is not given, and its
// name in the environment.
func withDefault(v *kong.Value) string {
	help := kong.DefaultHelpValueFormatter(v)
	if v.HasDefault && v.Default != "" && !v.IsBool() {
		help += " Default: " + v.Default + "."
	}
	return help
}

// usageError is a fault of the command line, found after parsing.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
