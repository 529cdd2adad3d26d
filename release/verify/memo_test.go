package verify

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bosh-bpmify/bosh-bpmify/release/cases"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// A case that comes to the same as one before has the same result, run again or not.
func TestMemo(t *testing.T) {
	fixtures, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		fixtures = fixtures[:10]
	}
	v := verifier(t)
	for _, name := range fixtures {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files, changed := fixture(archive.Files)
		before, after, plan := converted(t, unpack(t, files), changed)
		results := map[bool]*Result{}
		for _, v.everyCase = range []bool{false, true} {
			if results[v.everyCase], err = v.Release(before, after, plan, nil); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := results[false], results[true]; !reflect.DeepEqual(a, b) {
			t.Errorf("%s: with the memo:\n%s\nwithout:\n%s", name, show(a), show(b))
		}
	}
}

// What was asked in a run decides whether a case repeats it, and nothing else.
func TestMemoFind(t *testing.T) {
	m := memo{renderer: verifier(t).Renderer}
	with := func(port, name any) render.Context {
		return render.Context{Properties: map[string]any{"port": port, "name": name}, Defaults: map[string]any{"port": nil, "name": nil}}
	}
	contexts := []render.Context{with(1, "a"), with(1, "b"), with(2, "a"), with("x", "a"), with("y", "b")}
	port := &source.File{Name: "port", Data: []byte("<%= Integer(p('port')) %>")}
	for _, first := range []struct {
		i    int
		want []bool
	}{
		{0, []bool{true, true, false, false, false}},
		{3, []bool{false, false, false, true, true}}, // the error is the same, whatever the value
	} {
		r := &run{}
		ask := r.recorded(m.renderer, contexts)
		_, _ = ask(port, contexts[first.i])
		m.runs = []*run{r}
		for i, want := range first.want {
			if got := m.find(i, cases.Case{}) != nil; got != want {
				t.Errorf("case %d repeats %d: %v", i, first.i, got)
			}
		}
		if m.find(first.i, cases.Case{Awkward: true}) != nil {
			t.Error("a case with awkward values repeats one without")
		}
		r.invented = map[string]string{"/a": "web.path"}
		if m.find(first.i, cases.Case{}) != nil {
			t.Error("a case in which no path is made up repeats one in which it is")
		}
	}
}
