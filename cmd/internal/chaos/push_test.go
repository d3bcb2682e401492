package chaos

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// pushExport sends log lines as Loki's agents do: one stream, the ID in each
// entry's structured metadata. The message is logproto.PushRequest:
//
//	streams = 1 { labels = 1, entries = 2 { time = 1 { s = 1, ns = 2 }, line = 2, metadata = 3 { name = 1, value = 2 } } }
func pushExport(to *writer, size int) export {
	text := func(dst []byte, field protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(dst, field, protowire.BytesType), s)
	}
	number := func(dst []byte, field protowire.Number, n int64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), uint64(n))
	}
	return func(ctx context.Context, ids []uint64) error {
		stream := text(nil, 1, `{service_name="till", round="`+strconv.FormatUint(ids[0]/2000, 10)+`"}`)
		for _, id := range ids {
			now := time.Now()
			entry := text(nil, 1, string(number(number(nil, 1, now.Unix()), 2, int64(now.Nanosecond()))))
			entry = text(entry, 2, "sold "+strconv.FormatUint(id, 10)+filler(size))
			entry = text(entry, 3, string(text(text(nil, 1, idKey), 2, strconv.FormatUint(id, 10))))
			stream = text(stream, 2, string(entry))
		}
		return to.sendSnappy(ctx, text(nil, 1, string(stream)), "Content-Type", "application/x-protobuf")
	}
}
