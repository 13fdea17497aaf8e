package main

import (
	"context"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"schulhof/config"
	"schulhof/store"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	healthPatience = 5 * time.Second // for one look at the database
	nearlyFull     = 50              // 1/50 = 2 % of the disk, but at most:
	nearlyFullCap  = 5 << 30         // bytes
)

// health answers /metrics, /healthz and /readyz.
type health struct {
	config  *config.Config
	store   *store.Store
	certs   *certificates
	metrics *prometheus.Registry
}

func (h *health) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.metrics, promhttp.HandlerOpts{Registry: h.metrics}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { answerHealth(w, h.alive(r.Context())) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { answerHealth(w, h.faults(r.Context())...) })
	return mux
}

func answerHealth(w http.ResponseWriter, faults ...error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	status, text := http.StatusOK, ""
	for _, err := range faults {
		if err != nil {
			status, text = http.StatusServiceUnavailable, text+err.Error()+"\n"
		}
	}
	if text == "" {
		text = "ok\n"
	}
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}

// alive reports whether the program and its database answer at all.
func (h *health) alive(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, healthPatience)
	defer stop()
	if err := h.store.Read(ctx, func(*store.Tx) error { return nil }); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

// faults are the reasons why mail cannot be taken right now.
func (h *health) faults(ctx context.Context) []error {
	faults := []error{h.alive(ctx)}
	if err := h.store.ReadOnlyCause(); err != nil {
		faults = append(faults, fmt.Errorf("store: %w", err))
	}
	free, total, err := diskSpace(h.config.Server.Data)
	if err != nil {
		faults = append(faults, err)
	} else if least := leastFree(h.config, total); free < least {
		faults = append(faults, fmt.Errorf("disk: %s free, want %s", config.Size(free), config.Size(least)))
	}
	if cert := h.certs.current.Load(); time.Now().After(cert.Leaf.NotAfter) {
		faults = append(faults, fmt.Errorf("certificate: expired on %s", cert.Leaf.NotAfter.Format(time.DateOnly)))
	}
	return faults
}

// leastFree is the free space in bytes below which a disk of total bytes counts as full.
func leastFree(c *config.Config, total int64) int64 {
	return max(int64(c.Store.MinFree), min(total/nearlyFull, nearlyFullCap))
}

// diskSpace tells the free and all bytes of the disk that holds dir.
func diskSpace(dir string) (free, total int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, fmt.Errorf("disk space of %s: %w", dir, err)
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Blocks) * s.Bsize, nil
}
