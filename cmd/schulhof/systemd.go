package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"
)

// notifySystemd tells systemd a state such as "READY=1" (sd_notify(3)); without systemd it does nothing.
func notifySystemd(state string) error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: name})
	if err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}

// watchdogInterval is how often systemd wants a sign of life, 0 for never (sd_watchdog_enabled(3)).
func watchdogInterval() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	microseconds, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || microseconds <= 0 {
		return 0
	}
	return time.Duration(microseconds) * time.Microsecond / 2
}

// feedWatchdog gives signs of life while alive says so; systemd restarts the server when they stay away.
func feedWatchdog(ctx context.Context, log *slog.Logger, every time.Duration, alive func(context.Context) error) error {
	if every == 0 {
		return nil
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		look, stop := context.WithTimeout(ctx, every)
		err := alive(look)
		stop()
		if err == nil {
			err = notifySystemd("WATCHDOG=1")
		}
		if err != nil && ctx.Err() == nil {
			log.Error("watchdog: no sign of life was given", "err", err)
		}
	}
}
