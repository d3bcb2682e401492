package bulkframe

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// wide is a frame of n series of m points, and the same with its rows beside it.
func wide(n, m int) (*data.Frame, Frame) {
	times := make([]time.Time, m)
	for i := range times {
		times[i] = time.Unix(int64(1_700_000_000+15*i), 0).UTC()
	}
	whole := data.NewFrame("", data.NewField("Time", nil, times))
	bare := Frame{Schema: data.NewFrame("", data.NewField("Time", nil, []time.Time{})), Times: times}
	for i := range n {
		values := make([]float64, m)
		for k := range values {
			values[k] = float64(i) + float64(k)/7
		}
		if m > 1 {
			values[0], values[1] = math.NaN(), math.Inf(1)
		}
		labels := data.Labels{"job": strings.Repeat("ü", i%3), "series": string(rune('a' + i%26))}
		config := &data.FieldConfig{DisplayNameFromDS: "a \"name\""}
		whole.Fields = append(whole.Fields, data.NewField("Value", labels, values).SetConfig(config))
		bare.Schema.Fields = append(bare.Schema.Fields, data.NewField("Value", labels, []float64{}).SetConfig(config))
		bare.Values = append(bare.Values, values)
	}
	for _, f := range []*data.Frame{whole, bare.Schema} {
		f.RefID = "A"
		f.Meta = &data.FrameMeta{Type: data.FrameTypeTimeSeriesWide, ExecutedQueryString: "Expr: up", Notices: []data.Notice{{Text: "slow"}}}
	}
	return whole, bare
}

// send is what reaches Grafana of an answer.
func send(t *testing.T, s *Store, res *backend.QueryDataResponse) *pluginv2.QueryDataResponse {
	t.Helper()
	wire, err := backend.ToProto().QueryDataResponse(backend.DataFrameFormat_ARROW, res)
	if err != nil {
		t.Fatal(err)
	}
	buffers, err := s.Codec().Marshal(wire)
	if err != nil {
		t.Fatal(err)
	}
	raw := buffers.Materialize()
	buffers.Free()
	var got pluginv2.QueryDataResponse
	if err := proto.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	return &got
}

// Whoever reads the answer sees what the SDK alone would have sent, in frames of
// every size, beside errors and frames of other kinds.
func TestSameAsTheSDK(t *testing.T) {
	s := NewStore()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	small := data.NewFrame("exemplar", data.NewField("traceID", nil, []string{"ab"}))
	for _, size := range [][2]int{{1, 0}, {1, 1}, {2, 3}, {3, 256}, {5, 1000}, {40, 313}} {
		whole, bare := wide(size[0], size[1])
		sent := 0
		bare.Sent = func() { sent++ }
		stand, err := StandIn(s.Attach(ctx), bare)
		if err != nil {
			t.Fatal(err)
		}
		answer := func(f *data.Frame) *backend.QueryDataResponse {
			return &backend.QueryDataResponse{Responses: backend.Responses{
				"A": {Frames: data.Frames{f, small}, Status: 200},
				"B": {Error: errors.New("no"), Status: 400, ErrorSource: backend.ErrorSourceDownstream},
				"C": {Frames: data.Frames{small}},
			}}
		}
		read := func(res *backend.QueryDataResponse) *backend.QueryDataResponse {
			out, err := backend.FromProto().QueryDataResponse(send(t, s, res))
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		got, want := read(answer(stand)), read(answer(whole))
		for _, refID := range []string{"A", "B", "C"} {
			g, w := got.Responses[refID], want.Responses[refID]
			if diff := cmp.Diff(w.Frames, g.Frames, data.FrameTestCompareOptions()...); diff != "" {
				t.Errorf("%v %s (-want +got):\n%s", size, refID, diff)
			}
			if diff := cmp.Diff(w, g, cmpopts.IgnoreFields(backend.DataResponse{}, "Frames"), cmpopts.EquateErrors()); diff != "" && refID != "B" {
				t.Errorf("%v %s (-want +got):\n%s", size, refID, diff)
			}
			if refID == "B" && (g.Error.Error() != "no" || g.Status != 400 || g.ErrorSource != backend.ErrorSourceDownstream) {
				t.Errorf("%v B: %+v", size, g)
			}
		}
		if shared := size[1]*8 >= leastShared; shared != (sent == 1) {
			t.Errorf("%v: told %d times that it was sent", size, sent)
		}
	}
	cancel()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		left := len(s.files)
		s.mu.Unlock()
		if left == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d frames are kept beyond their request", left)
		}
	}
}

// The memory of values is sent, not a copy of it, and is said to be free only
// when all of it has gone.
func TestColumnsAreNotCopied(t *testing.T) {
	s := NewStore()
	_, bare := wide(3, 1000)
	sent := false
	bare.Sent = func() { sent = true }
	stand, err := StandIn(s.Attach(t.Context()), bare)
	if err != nil {
		t.Fatal(err)
	}
	wire, err := backend.ToProto().QueryDataResponse(backend.DataFrameFormat_ARROW, &backend.QueryDataResponse{Responses: backend.Responses{"A": {Frames: data.Frames{stand}}}})
	if err != nil {
		t.Fatal(err)
	}
	buffers, err := s.Codec().Marshal(wire)
	if err != nil {
		t.Fatal(err)
	}
	bare.Values[1][2] = 77
	var values []mem.Buffer
	for _, b := range buffers {
		if b.Len() == 8000 {
			values = append(values, b)
		}
	}
	if len(values) != 3 {
		t.Fatalf("%d columns among %d parts", len(values), len(buffers))
	}
	raw := buffers.Materialize()
	var got pluginv2.QueryDataResponse
	if err := proto.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	f, err := data.UnmarshalArrowFrame(got.Responses["A"].Frames[0])
	if err != nil || f.Fields[2].At(2) != 77.0 {
		t.Errorf("the second column has %v, %v", f.Fields[2].At(2), err)
	}
	for i, b := range buffers {
		if sent {
			t.Errorf("told of before part %d of %d", i, len(buffers))
		}
		b.Free()
		if b == values[2] {
			break
		}
	}
	if !sent {
		t.Error("not told that all was sent")
	}
}

// Text that looks like a stand-in is text.
func TestNobodyForgesAStandIn(t *testing.T) {
	s := NewStore()
	_, bare := wide(2, 300)
	if _, err := StandIn(s.Attach(t.Context()), bare); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"trefoil-stand-in-1;", "trefoil-stand-in-00000000000000000000000000000000-1;", string(s.prefix), string(s.prefix) + "9;"} {
		got := send(t, s, &backend.QueryDataResponse{Responses: backend.Responses{"A": {Frames: data.Frames{data.NewFrame(name)}}}})
		if f, err := data.UnmarshalArrowFrame(got.Responses["A"].Frames[0]); err != nil || f.Name != name {
			t.Errorf("%s became %v, %v", name, f, err)
		}
	}
}

func TestWrongFrames(t *testing.T) {
	s := NewStore()
	_, bare := wide(2, 3)
	if _, err := StandIn(t.Context(), bare); err == nil || Attached(t.Context()) {
		t.Errorf("without a store: %v", err)
	}
	ctx := s.Attach(t.Context())
	short := bare
	short.Values = [][]float64{{1, 2, 3}, {1}}
	if _, err := StandIn(ctx, short); err == nil || !strings.Contains(err.Error(), "column 1 has 1 values for 3 times") {
		t.Errorf("a short column: %v", err)
	}
	few := bare
	few.Values = bare.Values[:1]
	if _, err := StandIn(ctx, few); err == nil || !strings.Contains(err.Error(), "1 columns of numbers for 3 fields") {
		t.Errorf("too few columns: %v", err)
	}
}
