package commands

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/manifest/doctor"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

type doctorOptions struct {
	OpsFiles []string `long:"ops-file" short:"o" value-name:"PATH" description:"Load manifest operations from a YAML file"`
	deploymentOptions
	findingsOptions
	Args struct {
		Manifests []string `positional-arg-name:"MANIFEST" description:"Deployment manifest" required:"1"`
	} `positional-args:"yes" required:"yes"`
}

func (o *doctorOptions) Execute([]string) error { return nil }
func (o *doctorOptions) command() command       { return o }

// run looks at every manifest. Findings that keep a deploy from working, or that
// a person has to look at, make the exit status 1.
func (o *doctorOptions) run(env *environment) error {
	d, manifests, err := o.open(o.OpsFiles, o.Args.Manifests)
	if err != nil {
		return err
	}
	defer d.done()
	var found []reported
	failed := false
	groups, running := 0, 0
	for _, m := range manifests {
		groups += len(m.Groups)
		running += len(m.Placements(d.needs))
		d.remarks = append(d.remarks, doubts(m, d.needs, giveVariable)...)
		for _, f := range doctor.Examine(m, doctor.Options{Needs: d.needs, Releases: d.releases, Pin: o.pin()}) {
			found = append(found, reported{Job: f.Job, Diagnostic: f.Diagnostic})
			failed = failed || f.Severity > source.Note
		}
	}
	d.tell(env)
	if err := o.print(env, found, false); err != nil {
		return err
	}
	if !o.machine() {
		env.say("looked at %s; bpm jobs run in %d", counted(groups, "instance group"), running)
		if other := unread(manifests, d.names); len(other) > 0 {
			env.say("not looked at, give them with --release: %s", strings.Join(other, ", "))
		}
	}
	if failed {
		return errReported
	}
	return nil
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// unread are the releases whose jobs may need bpm for all that is known.
func unread(manifests []*manifest.Manifest, names []string) []string {
	var other []string
	for _, m := range manifests {
		for _, r := range m.Releases {
			if r.Name != "bpm" && !slices.Contains(names, r.Name) && !slices.Contains(other, r.Name) {
				other = append(other, r.Name)
			}
		}
	}
	return other
}
