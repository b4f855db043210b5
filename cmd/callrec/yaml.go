package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// yamlFile answers flags from a configuration file, whose keys are the names of
// the flags. The command line and the environment go before it.
type yamlFile map[string]any

func loadYAML(r io.Reader) (kong.Resolver, error) {
	values := yamlFile{}
	if err := yaml.NewDecoder(r).Decode(&values); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("cannot read the configuration file: %w", err)
	}
	return values, nil
}

// Validate refuses keys that are no flag, all at once: a misspelt key would
// otherwise be a setting that silently does nothing.
func (y yamlFile) Validate(app *kong.Application) error {
	var known, unknown []string
	for _, cmd := range app.Children {
		for _, f := range cmd.Flags {
			known = append(known, f.Name)
		}
	}
	for key := range y {
		if !slices.Contains(known, key) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("the configuration file has keys that are no flags: %s (callrec serve --help lists them)", strings.Join(unknown, ", "))
	}
	return nil
}

// Resolve gives kong the value of a flag that the command line does not set.
func (y yamlFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, env := range flag.Envs {
		if _, ok := os.LookupEnv(env); ok {
			return nil, nil
		}
	}
	v, ok := y[flag.Name]
	if !ok {
		return nil, nil
	}
	if list, ok := v.([]any); ok {
		parts := make([]string, len(list))
		for i, e := range list {
			parts[i] = fmt.Sprint(e)
		}
		return strings.Join(parts, ","), nil
	}
	return fmt.Sprint(v), nil
}
