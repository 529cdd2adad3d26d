package convert

import (
	"path"
	"slices"
	"strings"
)

// preStart collects what bin/pre-start has to do, once a deploy and as root.
type preStart struct {
	dirs  []string
	links [][2]string
	// shared are folders of all jobs that lie above volumes of this one.
	shared []string
	// trees become vcap's, and so do private: folders of the job itself with files
	// that its scripts keep for root alone.
	trees       []tree
	private     []string
	rootProcess string
	// moved are the pieces of old scripts that are done once a deploy.
	moved []piece
}

// tree is a folder with what a root process left in it. Where others have
// files there, too, only what is root's changes its owner.
type tree struct {
	dir    string
	others bool
}

func (p *preStart) mkdir(dir string) {
	dir = path.Clean(dir)
	if !slices.Contains(p.dirs, dir) {
		p.dirs = append(p.dirs, dir)
	}
}

func (p *preStart) share(dir string) {
	if !slices.Contains(p.shared, dir) {
		p.shared = append(p.shared, dir)
	}
}

func (p *preStart) link(target, name string) {
	p.links = append(p.links, [2]string{target, name})
}

func (p *preStart) chown(dir string, others bool) {
	for i, t := range p.trees {
		if t.dir == dir {
			p.trees[i].others = t.others || others
			return
		}
	}
	p.trees = append(p.trees, tree{dir, others})
}

func (p *preStart) reveal(dir string) {
	if !slices.Contains(p.private, dir) {
		p.private = append(p.private, dir)
	}
}

// own is what the program itself adds to the pieces of old scripts.
func (p *preStart) own() bool {
	return len(p.shared)+len(p.dirs)+len(p.links)+len(p.trees)+len(p.private) > 0
}

func (p *preStart) empty() bool { return len(p.moved) == 0 && !p.own() }

// script is the shell for it, behind a line like set -e or none. It may run again
// at any time.
func (p *preStart) script(mode string) string {
	var b strings.Builder
	if len(p.shared) > 0 {
		b.WriteString("# for all jobs of the VM: bpm would make it with mode 0700\nmkdir -p -m 0777 " + strings.Join(p.shared, " ") + "\n")
		if len(p.moved) > 0 {
			b.WriteString("\n")
		}
	}
	mode = pieces(&b, p.moved, mode)
	if len(p.moved) > 0 && len(p.dirs)+len(p.links)+len(p.trees)+len(p.private) > 0 {
		b.WriteString("\n")
		if !strings.HasPrefix(mode, "set -e") {
			b.WriteString("set -e\n\n")
		}
	}
	p.dirs = slices.DeleteFunc(p.dirs, func(dir string) bool {
		return slices.ContainsFunc(p.moved, func(m piece) bool { return strings.Contains(m.text, "mkdir -p "+dir+"\n") })
	})
	if len(p.dirs) > 0 {
		b.WriteString("mkdir -p " + strings.Join(p.dirs, " ") + "\n")
		if owned := p.notInTrees(); len(owned) > 0 {
			b.WriteString("chown vcap:vcap " + strings.Join(owned, " ") + "\n")
		}
	}
	for _, l := range p.links {
		b.WriteString("[ -e " + l[1] + " ] || ln -s " + l[0] + " " + l[1] + "\n")
	}
	if b.Len() > 0 && len(p.trees)+len(p.private) > 0 && !strings.HasSuffix(b.String(), "\n\n") {
		b.WriteString("\n")
	}
	p.owners(&b)
	return b.String()
}

// owners changes the owner of what root left behind. Folders for logs and
// pidfiles are small. A disk may hold millions of files, so that it is done whole
// only once: what root makes later, after the way back to a release without bpm,
// lies in a folder that changed by that. The file that says when it was done lies
// beside the folder and not in it, where the program may not expect one, so it
// stays with the disk.
//
// Folders are all that find looks at then, and it tells them from files by the
// entries of the folder above. sed leaves out what is mounted below.
func (p *preStart) owners(b *strings.Builder) {
	if len(p.trees) > 0 {
		b.WriteString("# " + p.rootProcess + " ran as root before bpm ran it as vcap; bpm does not change owners recursively.\n")
	}
	for _, others := range []bool{false, true} {
		whose := "! -user vcap"
		if others {
			whose = "-user root"
		}
		var small, large []string
		if !others {
			for _, dir := range p.private {
				small = append(small, dir+"/") // the job's own folder is a link
			}
		}
		for _, t := range p.trees {
			switch {
			case t.others != others:
			case onDisk(t.dir):
				large = append(large, t.dir)
			default:
				small = append(small, t.dir)
			}
		}
		if len(small) > 0 {
			b.WriteString("for dir in " + strings.Join(small, " ") + `; do
  if [ -d "$dir" ]; then
    find "$dir" -xdev ` + whose + ` -exec chown -h vcap:vcap {} +
  fi
done
`)
		}
		if len(large) > 0 {
			b.WriteString("# .NAME.vcap says when this was done: only folders that changed since are looked into,\n# and nothing that is mounted below.\n")
			b.WriteString("for dir in " + strings.Join(large, " ") + `; do
  [ -d "$dir" ] || continue
  stamp=${dir%/*}/.${dir##*/}.vcap
  [ -e "$stamp" ] || touch -d @0 "$stamp"
  find "$dir" -xdev -type d -cnewer "$stamp" -printf '%D:%p\0' |
    sed -zn "s/^$(stat -c %d "$dir")://p" |
    xargs -0 -r sh -c 'find "$@" -maxdepth 1 ` + whose + ` -exec chown -h vcap:vcap {} +' sh
  touch "$stamp"
done
`)
		}
	}
}

// onDisk says whether a folder lies on the ephemeral or the persistent disk,
// where the data are.
func onDisk(dir string) bool {
	return below(dir, "/var/vcap/store") || below(dir, "/var/vcap/data") && !below(dir, "/var/vcap/data/sys")
}

// notInTrees are the folders that the recursive chown does not reach.
func (p *preStart) notInTrees() []string {
	var dirs []string
	for _, d := range p.dirs {
		if !slices.ContainsFunc(p.trees, func(t tree) bool { return below(d, t.dir) }) {
			dirs = append(dirs, d)
		}
	}
	return dirs
}
