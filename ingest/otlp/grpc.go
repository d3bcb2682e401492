package otlp

import (
	"context"
	"log/slog"

	_ "go.opentelemetry.io/proto/otlp/collector/logs/v1" // descriptors, for reflection
	_ "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	_ "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	grpcencoding "google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // registers the gzip compressor
	_ "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/mem"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/httpdoor"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// maxStreams bounds concurrent requests of one connection.
const maxStreams = 128

// ServerOptions are what a grpc.Server needs for RegisterGRPC: the size limit,
// which holds for a message as it arrives and once decompressed, the receiver,
// and a codec that hands requests over undecoded and passes other services'
// messages on.
func ServerOptions(p *ingest.Pipeline) []grpc.ServerOption { return serverOptions(p, newReceiver(p)) }

func serverOptions(p *ingest.Pipeline, r *receiver) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.InTapHandle(r.tap),
		experimental.BufferPool(r),
		grpc.MaxRecvMsgSize(int(p.Limits().DecodedBytes)),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ForceServerCodecV2(&codec{next: grpcencoding.GetCodecV2("proto")}),
	}
}

// RegisterGRPC adds the three OTLP services to a server made with
// ServerOptions. The tenant comes from the request's context, where an
// interceptor puts it. It also makes the zstd compressor known to grpc, so it
// must be called before any server of the process runs.
func RegisterGRPC(s grpc.ServiceRegistrar, p *ingest.Pipeline, logger *slog.Logger) {
	registerZstd(p.Limits())
	door := openDoor(p)
	for _, d := range []grpcDoor{
		{signal: logsSignal(), service: "opentelemetry.proto.collector.logs.v1.LogsService", file: "logs/v1/logs_service.proto"},
		{signal: metricsSignal(), service: "opentelemetry.proto.collector.metrics.v1.MetricsService", file: "metrics/v1/metrics_service.proto"},
		{signal: tracesSignal(), service: "opentelemetry.proto.collector.trace.v1.TraceService", file: "trace/v1/trace_service.proto"},
	} {
		d.door, d.logger = door, logger
		s.RegisterService(&grpc.ServiceDesc{
			ServiceName: d.service,
			Methods:     []grpc.MethodDesc{{MethodName: "Export", Handler: d.export}},
			Metadata:    "opentelemetry/proto/collector/" + d.file,
		}, nil)
	}
}

// grpcDoor answers the requests of one signal.
type grpcDoor struct {
	*door
	signal  signal
	service string
	file    string
	logger  *slog.Logger
}

// grpcRequest receives one request from the codec, undecoded: interceptors run
// before it is read. An error kept here and not given back to grpc keeps its
// code.
type grpcRequest struct {
	adm  *ingest.Admission
	body mem.Buffer
	err  error
}

// free gives the body back; it may be called more than once.
func (r *grpcRequest) free() {
	if r.body != nil {
		r.body.Free()
		r.body = nil
	}
}

// grpcAnswer is a marshalled response.
type grpcAnswer []byte

// export is the grpc handler of the signal's Export method.
func (d grpcDoor) export(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
	adm := d.pipeline.Admit()
	defer adm.Release()
	req := &grpcRequest{adm: adm}
	defer req.free()
	err := dec(req)
	received(ctx)
	if err != nil {
		return nil, err
	}
	handler := func(ctx context.Context, _ any) (any, error) {
		answer, err := d.handle(ctx, req, adm)
		if err != nil {
			v := judge(err)
			d.pipeline.Refused(d.signal.name, v.Reason)
			return nil, v.status(err).Err()
		}
		return answer, nil
	}
	if interceptor == nil {
		return handler(ctx, req)
	}
	return interceptor(ctx, req, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/" + d.service + "/Export"}, handler)
}

func (d grpcDoor) handle(ctx context.Context, req *grpcRequest, adm *ingest.Admission) (answer grpcAnswer, err error) {
	defer httpdoor.Recovered(d.logger, "otlp", &err)
	if req.err != nil {
		return nil, req.err
	}
	t := tenant.FromContext(ctx)
	if err := d.pipeline.Ready(t, 0); err != nil {
		return nil, err
	}
	take, err := d.take(&d.signal, t, req.body.ReadOnlyData(), protobuf, adm)
	req.free()
	if err != nil {
		return nil, err
	}
	result, err := take(ctx)
	if err != nil {
		return nil, err
	}
	return d.signal.answer(result, protobuf)
}

// codec hands OTLP requests over as bytes and leaves everything else to next.
type codec struct {
	next grpcencoding.CodecV2
}

func (c *codec) Name() string { return c.next.Name() }

func (c *codec) Unmarshal(data mem.BufferSlice, v any) error {
	req, ok := v.(*grpcRequest)
	if !ok {
		return c.next.Unmarshal(data, v)
	}
	if req.err = req.adm.Grow(int64(data.Len())); req.err == nil {
		req.body = data.MaterializeToBuffer(mem.DefaultBufferPool())
	}
	return nil
}

func (c *codec) Marshal(v any) (mem.BufferSlice, error) {
	if answer, ok := v.(grpcAnswer); ok {
		return mem.BufferSlice{mem.SliceBuffer(answer)}, nil
	}
	return c.next.Marshal(v)
}
