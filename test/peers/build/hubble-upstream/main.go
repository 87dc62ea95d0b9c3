// Command hubble-upstream runs Hubble's own packages, as Cilium ships them, on events that a file holds: what fovea answers
// is compared with what they answer. Each comparison has a command of its own.
//
// A file of events is a sequence of observer.ExportEvent messages, each after its length as a varint.
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
)

// commands by name; each gets the words behind it.
var commands = map[string]func(args []string) error{
	"metrics":  metricsCommand,
	"observer": observerCommand,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "hubble-upstream:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	names := slices.Sorted(maps.Keys(commands))
	if len(args) == 0 {
		return fmt.Errorf("a command is missing, one of %v", names)
	}
	command, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("unknown command %q, one of %v", args[0], names)
	}
	return command(args[1:])
}
