package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/encoding/protodelim"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	v1 "github.com/cilium/cilium/pkg/hubble/api/v1"
)

// readEvents hands every event of a file to take, in order.
func readEvents(path string, take func(*v1.Event)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	reader := bufio.NewReader(file)
	for number := 1; ; number++ {
		var read observerpb.ExportEvent
		err := protodelim.UnmarshalFrom(reader, &read)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: event %d: %w", path, number, err)
		}
		take(eventOf(&read))
	}
}

// eventOf is the event as Hubble's parser would have made it.
func eventOf(read *observerpb.ExportEvent) *v1.Event {
	event := &v1.Event{Timestamp: read.GetTime()}
	switch kind := read.GetResponseTypes().(type) {
	case *observerpb.ExportEvent_Flow:
		event.Timestamp = kind.Flow.GetTime()
		event.Event = kind.Flow
	case *observerpb.ExportEvent_LostEvents:
		event.Event = kind.LostEvents
	case *observerpb.ExportEvent_AgentEvent:
		event.Event = kind.AgentEvent
	case *observerpb.ExportEvent_DebugEvent:
		event.Event = kind.DebugEvent
	}
	return event
}
