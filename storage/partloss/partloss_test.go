package partloss

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const tableDir = "store/ab1/ab1c"

// dataDir has one table with these detached directories and these deduplication logs.
func dataDir(t *testing.T, detached []string, logs map[string]string) (dir, table string) {
	t.Helper()
	dir = t.TempDir()
	table = filepath.Join(dir, tableDir)
	for _, name := range detached {
		if err := os.MkdirAll(filepath.Join(table, "detached", name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(table, logDir), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range logs {
		if err := os.WriteFile(filepath.Join(table, logDir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, table
}

func find1(t *testing.T, dir string) []Part {
	t.Helper()
	parts, err := Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

func TestForget(t *testing.T) {
	dir, table := dataDir(t, []string{"broken-on-start_d1_2_2_0", "broken-on-start_d1_3_3_0_try1", "broken-on-start_d1_1_9_2", "ignored_d1_4_4_0"},
		map[string]string{
			"deduplication_log_2.txt":  "1\td1_1_1_0\td1_a\n1\td1_2_2_0\td1_b\n1\td2_2_2_0\td2_b\n2\td1_1_1_0\td1_a\n",
			"deduplication_log_10.txt": "1\td1_3_3_0\td1_c\n1\td1_4_4_0\td1_d\n",
		})
	parts := find1(t, dir)
	want := []Part{
		{Dir: filepath.Join(table, "detached", "broken-on-start_d1_1_9_2"), Name: "d1_1_9_2"},
		{Dir: filepath.Join(table, "detached", "broken-on-start_d1_2_2_0"), Name: "d1_2_2_0", Tokens: []string{"d1_b"}},
		{Dir: filepath.Join(table, "detached", "broken-on-start_d1_3_3_0_try1"), Name: "d1_3_3_0", Tokens: []string{"d1_c"}},
	}
	if !reflect.DeepEqual(parts, want) {
		t.Fatalf("found %+v\nwant %+v", parts, want)
	}
	if err := Forget(parts); err != nil {
		t.Fatal(err)
	}
	if left := find1(t, dir); len(left) != 0 {
		t.Errorf("found %v afterwards", left)
	}
	tokens, err := readLog(table)
	if want := map[string]string{"d2_b": "d2_2_2_0", "d1_d": "d1_4_4_0"}; err != nil || !reflect.DeepEqual(tokens, want) {
		t.Errorf("known are %v, %v; want %v", tokens, err, want)
	}
	names, err := filepath.Glob(filepath.Join(table, "detached", "lost_*"))
	if err != nil || len(names) != 3 {
		t.Errorf("set aside: %v, %v", names, err)
	}
}

// Cut short after the lines were written, it ends what it began.
func TestForgetAgain(t *testing.T) {
	dir, table := dataDir(t, []string{"broken-on-start_d_2_2_0", "lost_d_2_2_0"}, map[string]string{"deduplication_log_1.txt": "1\td_2_2_0\td_b\n"})
	if err := appendDrops(table, find1(t, dir)[0]); err != nil {
		t.Fatal(err)
	}
	parts := find1(t, dir)
	if len(parts) != 1 || len(parts[0].Tokens) != 0 {
		t.Fatalf("found %+v", parts)
	}
	if err := Forget(parts); err != nil {
		t.Fatal(err)
	}
	if left := find1(t, dir); len(left) != 0 {
		t.Errorf("found %v afterwards", left)
	}
}

func TestNothingToFind(t *testing.T) {
	if parts := find1(t, t.TempDir()); len(parts) != 0 {
		t.Errorf("found %v in an empty directory", parts)
	}
	if mended, err := Repair(t.TempDir()); len(mended) != 0 || err != nil {
		t.Errorf("mended %v, %v in an empty directory", mended, err)
	}
}

func TestRepair(t *testing.T) {
	const whole = "1\td_1_1_0\td_a\n2\td_1_1_0\td_a\n"
	for _, torn := range []string{"", "1", "1\td_2_2_0\td_", "\x00\x00\x00", "3\tx\ty\n"} {
		dir, table := dataDir(t, nil, map[string]string{"deduplication_log_9.txt": "1\td_0_0_0\td_z\n", "deduplication_log_10.txt": whole + torn})
		mended, err := Repair(dir)
		if err != nil || (len(mended) == 1) != (torn != "") {
			t.Errorf("%q: mended %v, %v", torn, mended, err)
		}
		if text, err := os.ReadFile(filepath.Join(table, logDir, "deduplication_log_10.txt")); err != nil || string(text) != whole {
			t.Errorf("%q: left %q, %v", torn, text, err)
		}
	}
}

func FuzzReplay(f *testing.F) {
	f.Add([]byte("1\ta\tb\n2\ta\tb\n"))
	f.Add([]byte("1\ta\tb\n1\tc\tb\n2\ta\tb\n\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		n := wholeLines(text)
		if n > len(text) || n > 0 && text[n-1] != '\n' {
			t.Fatalf("%d whole bytes of %q", n, text)
		}
		if wholeLines(text[:n]) != n {
			t.Fatalf("%q is not whole", text[:n])
		}
		tokens := map[string]string{}
		replay(tokens, text[:n])
		for token, part := range tokens {
			replay(tokens, []byte(opDrop+"\t"+part+"\t"+token+"\n"))
			if _, known := tokens[token]; known || strings.ContainsAny(token+part, "\t\n") {
				t.Fatalf("token %q of %q is known after its drop", token, part)
			}
		}
	})
}
