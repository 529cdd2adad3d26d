package convert

import (
	"path"
	"strings"
)

// preStart collects what bin/pre-start has to do, once a deploy and as root.
type preStart struct {
	dirs        []string
	links       [][2]string
	trees       []string
	rootProcess string
	// moved are the pieces of old scripts that are done once a deploy.
	moved []piece
}

func (p *preStart) mkdir(dir string) {
	dir = path.Clean(dir)
	for _, d := range p.dirs {
		if d == dir {
			return
		}
	}
	p.dirs = append(p.dirs, dir)
}

func (p *preStart) link(target, name string) {
	p.links = append(p.links, [2]string{target, name})
}

func (p *preStart) chown(trees ...string) {
	for _, t := range trees {
		known := false
		for _, have := range p.trees {
			known = known || have == t
		}
		if !known {
			p.trees = append(p.trees, t)
		}
	}
}

func (p *preStart) empty() bool { return len(p.dirs)+len(p.links)+len(p.trees)+len(p.moved) == 0 }

// script is the shell for it, behind a line like set -e or none. It may run again
// at any time.
func (p *preStart) script(mode string) string {
	var b strings.Builder
	mode = pieces(&b, p.moved, mode)
	if len(p.moved) > 0 && len(p.dirs)+len(p.links)+len(p.trees) > 0 {
		b.WriteString("\n")
		if !strings.HasPrefix(mode, "set -e") {
			b.WriteString("set -e\n\n")
		}
	}
	if len(p.dirs) > 0 {
		b.WriteString("mkdir -p " + strings.Join(p.dirs, " ") + "\n")
		if owned := p.notInTrees(); len(owned) > 0 {
			b.WriteString("chown vcap:vcap " + strings.Join(owned, " ") + "\n")
		}
	}
	for _, l := range p.links {
		b.WriteString("[ -e " + l[1] + " ] || ln -s " + l[0] + " " + l[1] + "\n")
	}
	if len(p.trees) > 0 {
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n\n") {
			b.WriteString("\n")
		}
		if p.rootProcess != "" {
			b.WriteString("# " + p.rootProcess + " ran as root before bpm ran it as vcap; bpm does not change owners recursively.\n")
		}
		b.WriteString("for dir in " + strings.Join(p.trees, " ") + "; do\n")
		b.WriteString("  if [ -d \"$dir\" ]; then\n")
		b.WriteString("    find \"$dir\" -xdev ! -user vcap -exec chown -h vcap:vcap {} +\n")
		b.WriteString("  fi\ndone\n")
	}
	return b.String()
}

// notInTrees are the folders that the recursive chown does not reach.
func (p *preStart) notInTrees() []string {
	var dirs []string
	for _, d := range p.dirs {
		covered := false
		for _, t := range p.trees {
			covered = covered || below(d, t)
		}
		if !covered {
			dirs = append(dirs, d)
		}
	}
	return dirs
}
