package source

import (
	"strings"
	"testing"
)

func TestPositionCountsCharacters(t *testing.T) {
	f := &File{Name: "f", Data: []byte("é: 1\nbé: 2\n")}
	at := strings.Index(string(f.Data), "2")
	if got := f.Position(at); got != (Position{2, 5}) {
		t.Errorf("position of 2: got %v", got)
	}
	if got := f.Offset(2, 5); got != at {
		t.Errorf("offset of 2:5: got %d, want %d", got, at)
	}
	if got := f.Position(len(f.Data) + 5); got != (Position{3, 1}) {
		t.Errorf("position behind the end: got %v", got)
	}
}

func TestApply(t *testing.T) {
	for _, c := range []struct {
		name, in, out, err string
		edits              []Edit
	}{
		{"none", "abc", "abc", "", nil},
		{"unsorted", "abcdef", "XbcYf", "", []Edit{{3, 5, "Y", "y"}, {0, 1, "X", "x"}}},
		{"two insertions keep their order", "ab", "a12b", "", []Edit{{1, 1, "1", "x"}, {1, 1, "2", "y"}}},
		{"insertion at the end", "ab", "abc", "", []Edit{{2, 2, "c", "x"}}},
		{"overlap names both", "abcd", "", "rules first and second overlap", []Edit{{0, 3, "", "first"}, {2, 4, "", "second"}}},
		{"outside", "ab", "", "rule far at 2:9 lies outside", []Edit{{2, 9, "", "far"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Apply([]byte(c.in), c.edits)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || string(got) != c.out {
				t.Errorf("got %q, %v; want %q", got, err, c.out)
			}
		})
	}
}

func FuzzApply(f *testing.F) {
	f.Add("hello world", 0, 5, "x", 6, 11, "y")
	f.Fuzz(func(t *testing.T, data string, s1, e1 int, n1 string, s2, e2 int, n2 string) {
		out, err := Apply([]byte(data), []Edit{{s1, e1, n1, "a"}, {s2, e2, n2, "b"}})
		if err != nil {
			return
		}
		if want := len(data) + len(n1) - (e1 - s1) + len(n2) - (e2 - s2); len(out) != want {
			t.Errorf("length %d, want %d", len(out), want)
		}
	})
}
