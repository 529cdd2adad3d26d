package runit

import (
	"fmt"
	"slices"
	"strings"
)

// Stemcell is what a line of stemcells lacks that those before it had.
type Stemcell struct {
	Name string
	// Lacks are the programs that are gone, Because where that is written.
	Lacks   []string
	Because string
}

// stemcells are the lines of which it is known that they lack something.
var stemcells = []Stemcell{
	{
		Name: "ubuntu-resolute",
		Lacks: []string{
			// the package runit; chpst stood in for programs of daemontools only under
			// links that Ubuntu never had
			Chpst, "runsv", "runsvdir", "runsvchdir", "sv", "svlogd", "utmpset",
			// APT 3.1
			"apt-key",
		},
		Because: "https://github.com/cloudfoundry/community/blob/main/toc/rfc/rfc-0058-resolute-raccoon-os.md",
	},
}

// Stemcells are the names of the lines of which something is known.
func Stemcells() []string {
	var known []string
	for _, s := range stemcells {
		known = append(known, s.Name)
	}
	slices.Sort(known)
	return known
}

// FindStemcell gives a line of stemcells by its name.
func FindStemcell(name string) (Stemcell, error) {
	for _, s := range stemcells {
		if s.Name == name {
			return s, nil
		}
	}
	return Stemcell{}, fmt.Errorf("nothing is known of a stemcell %s; known: %s", name, strings.Join(Stemcells(), ", "))
}
