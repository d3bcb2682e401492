package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/trefoil-o11y/trefoil/storage/engine"
)

func main() {
	engine.MaybeChild()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	e, err := engine.Start(ctx, engine.Config{DataDir: filepath.Join(os.Args[1], "engine")})
	if err != nil {
		panic(err)
	}
	ep := e.Endpoint()
	_, http, _ := cut(ep.HTTPAddr)
	os.WriteFile(os.Args[2], []byte(fmt.Sprintf("export CHH=%s CHU=%s CHP=%s CHDSN='clickhouse://%s:%s@%s/%s?http_port=%s' EPID=%d\n", ep.HTTPAddr, ep.User, ep.Password, ep.User, ep.Password, ep.TCPAddr, ep.Database, http, os.Getpid())), 0600)
	<-ctx.Done()
	e.Stop(context.Background())
}

func cut(s string) (a, b string, ok bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == ':' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}
