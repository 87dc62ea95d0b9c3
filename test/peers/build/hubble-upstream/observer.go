package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	v1 "github.com/cilium/cilium/pkg/hubble/api/v1"
	"github.com/cilium/cilium/pkg/hubble/container"
	"github.com/cilium/cilium/pkg/hubble/observer"
	"github.com/cilium/cilium/pkg/hubble/observer/namespace"
	"github.com/cilium/cilium/pkg/hubble/observer/observeroption"
	observerTypes "github.com/cilium/cilium/pkg/hubble/observer/types"
)

// observerCommand serves Hubble's observer over the events of a file until its standard input ends.
func observerCommand(args []string) error {
	flags := flag.NewFlagSet("observer", flag.ContinueOnError)
	file := flags.String("events", "", "file of events, oldest first")
	capacity := flags.Int("capacity", 4095, "events kept: 2^n - 1")
	if err := flags.Parse(args); err != nil {
		return err
	}
	server, err := loadedObserver(*file, *capacity)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	transport := grpc.NewServer()
	observerpb.RegisterObserverServer(transport, server)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		transport.Stop()
	}()
	fmt.Println(listener.Addr())
	return transport.Serve(listener)
}

// loadedObserver is an observer that has taken in every event of the file, and takes no more.
func loadedObserver(file string, capacity int) (*observer.LocalObserverServer, error) {
	kept, err := container.NewCapacity(capacity)
	if err != nil {
		return nil, err
	}
	options := func(o *observeroption.Options) error {
		o.MaxFlows = kept
		return nil
	}
	log := slog.New(slog.DiscardHandler)
	server, err := observer.NewLocalServer(decoded{}, namespace.NewManager(), log, options)
	if err != nil {
		return nil, err
	}
	go server.Start()
	err = readEvents(file, func(event *v1.Event) {
		server.GetEventsChannel() <- &observerTypes.MonitorEvent{Timestamp: time.Now(), Payload: event}
	})
	close(server.GetEventsChannel())
	<-server.GetStopped()
	return server, err
}

// decoded is the decoder of events that are decoded already.
type decoded struct{}

func (decoded) Decode(event *observerTypes.MonitorEvent) (*v1.Event, error) {
	return event.Payload.(*v1.Event), nil
}
