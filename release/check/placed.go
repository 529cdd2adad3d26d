package check

import (
	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Placement is a job of the release where a deployment manifest puts it.
type Placement struct {
	Job   manifest.Job
	Group *manifest.Group
	BPM   string
}

// Placed tells what the job asks of the deployment and does not get there.
func Placed(r *release.Release, p Placement) []source.Diagnostic { return nil }
