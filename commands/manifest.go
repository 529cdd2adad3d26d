package commands

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

type manifestOptions struct {
	demandOptions
	pinOptions
	DryRun bool `long:"dry-run" description:"Print one unified diff and write nothing"`
	Check  bool `long:"check" description:"Print the diff, write nothing, and end with exit status 1 when there is one"`
	Force  bool `long:"force" description:"Change files that have uncommitted changes, too"`
	Args   struct {
		Files []string `positional-arg-name:"FILE" description:"Deployment manifest" required:"1"`
	} `positional-args:"yes" required:"yes"`
}

func (o *manifestOptions) Execute([]string) error { return nil }
func (o *manifestOptions) command() command       { return o }

// run works every edit out before it writes the first.
func (o *manifestOptions) run(env *environment) error {
	d, err := o.demandOptions.read(nil)
	if err != nil {
		return err
	}
	defer d.done()
	if len(d.names) == 0 {
		return errNoRelease
	}
	manifests, err := d.manifests(o.Args.Files, &interpolation{})
	if err != nil {
		return err
	}
	var news []newFile
	var errs []error
	for _, m := range manifests {
		n, err := o.edit(m, d.needs)
		if err != nil {
			errs = append(errs, err)
		} else if n != nil {
			news = append(news, *n)
		}
		d.remarks = append(d.remarks, doubts(m, d.needs, "bosh-bpmify ops takes its value with -v")...)
		d.remarks = append(d.remarks, o.asks(m, d.needs)...)
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	d.tell(env)
	if o.DryRun || o.Check {
		for _, n := range news {
			env.diff(n)
		}
		if len(news) == 0 {
			env.remark("nothing lacks bpm")
		}
		if o.Check && len(news) > 0 {
			for _, n := range news {
				env.errorLine(n.path + ": lacks bpm; add it with bosh-bpmify manifest")
			}
			return errReported
		}
		return nil
	}
	if err := writePlain(news, env.step); err != nil {
		return err
	}
	t := groupsTable(manifests, d.needs, func(m *manifest.Manifest) string { return m.Path() })
	env.tables(t)
	if len(t.Rows) == 0 {
		env.say("no instance group runs a job that needs bpm")
	} else if len(news) == 0 {
		env.say("nothing lacks bpm")
	}
	for _, n := range news {
		env.say("changed %s", n.path)
	}
	return nil
}

// edit gives the file with bpm added; nil when it has it.
func (o *manifestOptions) edit(m *manifest.Manifest, needs []manifest.Need) (*newFile, error) {
	edits, _, err := m.AddBPM(needs, o.pin())
	if err != nil || len(edits) == 0 {
		return nil, err
	}
	after, err := source.Apply(m.File.Data, edits)
	if err != nil {
		return nil, err
	}
	n := &newFile{path: m.Path(), before: m.File.Data, data: after, mode: m.File.Mode}
	if o.DryRun || o.Check {
		return n, nil
	}
	info, err := os.Lstat(n.path)
	if err == nil {
		err = writable(n.path, info)
	}
	if err != nil {
		return nil, err
	}
	if !o.Force {
		dir := filepath.Dir(n.path)
		if err := uncommitted(dir, []string{filepath.Base(n.path)}); inCheckout(dir) && err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
	}
	return n, nil
}
