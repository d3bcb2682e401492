package pluginhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/grpcplugin"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// maxMessage bounds one message of the backend, in bytes.
const maxMessage = 256 << 20

// Settings are a data source's as Grafana stores them.
type Settings struct {
	PluginID  string
	UID, Name string
	URL       string
	JSON      map[string]any
	Secure    map[string]string // decrypted
	BasicUser string            // empty means no basic authentication
}

// Host runs one backend process with one data source. It is safe for concurrent use.
type Host struct {
	pluginID string
	settings *pluginv2.DataSourceInstanceSettings
	process  *goplugin.Client
	cmd      *exec.Cmd

	diagnostics grpcplugin.DiagnosticsClient
	data        grpcplugin.DataClient
	resource    grpcplugin.ResourceClient
	stream      grpcplugin.StreamClient
}

// Start runs binary and shakes hands with it. Close ends it.
func Start(binary string, s Settings) (*Host, error) {
	jsonData, err := json.Marshal(s.JSON)
	if err != nil {
		return nil, fmt.Errorf("pluginhost: settings: %w", err)
	}
	h := &Host{pluginID: s.PluginID, cmd: exec.Command(binary), settings: &pluginv2.DataSourceInstanceSettings{
		Uid: s.UID, Name: s.Name, Url: s.URL, JsonData: jsonData, DecryptedSecureJsonData: s.Secure,
		BasicAuthEnabled: s.BasicUser != "", BasicAuthUser: s.BasicUser, LastUpdatedMS: time.Now().UnixMilli(),
	}}
	h.process = goplugin.NewClient(&goplugin.ClientConfig{
		Cmd: h.cmd,
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion:  grpcplugin.ProtocolVersion,
			MagicCookieKey:   grpcplugin.MagicCookieKey,
			MagicCookieValue: grpcplugin.MagicCookieValue,
		},
		VersionedPlugins: map[int]goplugin.PluginSet{grpcplugin.ProtocolVersion: {
			"diagnostics": &grpcplugin.DiagnosticsGRPCPlugin{},
			"data":        &grpcplugin.DataGRPCPlugin{},
			"resource":    &grpcplugin.ResourceGRPCPlugin{},
			"stream":      &grpcplugin.StreamGRPCPlugin{},
		}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		GRPCDialOptions:  []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage))},
		Logger:           hclog.NewNullLogger(),
	})
	if err := h.connect(); err != nil {
		h.process.Kill()
		return nil, fmt.Errorf("pluginhost: %s: %w", binary, err)
	}
	return h, nil
}

func (h *Host) connect() error {
	rpc, err := h.process.Client()
	if err != nil {
		return err
	}
	return errors.Join(
		dispense(rpc, "diagnostics", &h.diagnostics),
		dispense(rpc, "data", &h.data),
		dispense(rpc, "resource", &h.resource),
		dispense(rpc, "stream", &h.stream),
	)
}

func dispense[T any](rpc goplugin.ClientProtocol, name string, into *T) error {
	raw, err := rpc.Dispense(name)
	if err != nil {
		return err
	}
	client, ok := raw.(T)
	if !ok {
		return fmt.Errorf("service %s is a %T", name, raw)
	}
	*into = client
	return nil
}

// Close ends the process.
func (h *Host) Close() { h.process.Kill() }

// PID is the process's.
func (h *Host) PID() int { return h.cmd.Process.Pid }

func (h *Host) context() *pluginv2.PluginContext {
	return &pluginv2.PluginContext{OrgId: 1, PluginId: h.pluginID, DataSourceInstanceSettings: h.settings}
}

// Health is one health check; details is a JSON object or empty.
type Health struct {
	OK      bool
	Message string
	Details json.RawMessage
}

// CheckHealth asks the backend whether its data source works.
func (h *Host) CheckHealth(ctx context.Context) (Health, error) {
	res, err := h.diagnostics.CheckHealth(ctx, &pluginv2.CheckHealthRequest{PluginContext: h.context()})
	if err != nil {
		return Health{}, err
	}
	return Health{OK: res.Status == pluginv2.CheckHealthResponse_OK, Message: res.Message, Details: res.JsonDetails}, nil
}

// Query runs queries and decodes their frames. headers are those Grafana forwards.
func (h *Host) Query(ctx context.Context, headers map[string]string, queries ...*pluginv2.DataQuery) (backend.Responses, error) {
	res, err := h.QueryRaw(ctx, headers, queries...)
	if err != nil {
		return nil, err
	}
	out, err := backend.FromProto().QueryDataResponse(res)
	if err != nil {
		return nil, err
	}
	return out.Responses, nil
}

// QueryRaw runs queries and leaves their frames in Arrow's form.
func (h *Host) QueryRaw(ctx context.Context, headers map[string]string, queries ...*pluginv2.DataQuery) (*pluginv2.QueryDataResponse, error) {
	return h.data.QueryData(ctx, &pluginv2.QueryDataRequest{PluginContext: h.context(), Headers: headers, Queries: queries})
}

// Response is the answer to a resource call.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Resource calls a resource of the backend; path is relative, without a query.
func (h *Host) Resource(ctx context.Context, method, path, rawQuery string, body []byte) (Response, error) {
	url := path
	if rawQuery != "" {
		url += "?" + rawQuery
	}
	stream, err := h.resource.CallResource(ctx, &pluginv2.CallResourceRequest{PluginContext: h.context(), Path: path, Method: method, Url: url, Body: body})
	if err != nil {
		return Response{}, err
	}
	var out Response
	var all bytes.Buffer
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			out.Body = all.Bytes()
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if out.Status == 0 {
			out.Status, out.Header = int(part.Code), http.Header{}
			for name, values := range part.Headers {
				out.Header[name] = values.Values
			}
		}
		all.Write(part.Body)
	}
}

// Subscribe asks whether a stream may be followed.
func (h *Host) Subscribe(ctx context.Context, path string, data []byte) (backend.SubscribeStreamStatus, error) {
	res, err := h.stream.SubscribeStream(ctx, &pluginv2.SubscribeStreamRequest{PluginContext: h.context(), Path: path, Data: data})
	if err != nil {
		return 0, err
	}
	return backend.SubscribeStreamStatus(res.Status), nil
}

// Run follows a stream until each refuses, the backend ends it or ctx does. What
// each is given is one frame as JSON.
func (h *Host) Run(ctx context.Context, path string, data []byte, each func(frame []byte) error) error {
	stream, err := h.stream.RunStream(ctx, &pluginv2.RunStreamRequest{PluginContext: h.context(), Path: path, Data: data})
	if err != nil {
		return err
	}
	for {
		packet, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(packet.Data); err != nil {
			return err
		}
	}
}
