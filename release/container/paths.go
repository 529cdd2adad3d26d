package container

import (
	"path"
	"strings"
)

// roots are the folders of the VM below which a process may be told of
// something.
var roots = []string{
	"/var/", "/run/", "/dev/", "/home/", "/root/", "/opt/", "/srv/", "/mnt/", "/media/", "/etc/", "/tmp/", "/proc/", "/sys/", "/usr/",
}

// Paths gives the places of the paths of the VM in a text. Where a path goes on
// with something that is known only later (a variable, an expression, a glob),
// it ends with the last folder that is known.
func Paths(text string) [][2]int {
	var found [][2]int
	for start := 0; start < len(text); {
		i := strings.IndexByte(text[start:], '/')
		if i < 0 {
			break
		}
		start += i
		for start+1 < len(text) && text[start+1] == '/' {
			start++ // file:///var
		}
		end := start
		for end < len(text) && pathByte(text[end]) {
			end++
		}
		if begins(text, start) && rooted(text[start:]) {
			last := end
			if goesOn(text[end:]) {
				last = start + strings.LastIndexByte(text[start:end], '/')
			}
			for last > start && (text[last-1] == '.' || text[last-1] == '-' || text[last-1] == '/') {
				last--
			}
			if p := text[start:last]; strings.Count(p, "/") > 1 && p != "/var/vcap" {
				found = append(found, [2]int{start, last})
			}
		}
		start = end
	}
	return found
}

func rooted(text string) bool {
	for _, r := range roots {
		if strings.HasPrefix(text, r) {
			return true
		}
	}
	return false
}

// begins says whether a path can begin at a place: not within another one, an
// address, or behind an expression.
func begins(text string, at int) bool {
	switch {
	case at == 0, strings.HasSuffix(text[:at], "://"):
		return true
	case strings.HasSuffix(text[:at], "%>"):
		return false
	}
	return strings.IndexByte(" \t\n\r\"'`=:;,([{|&!<>@", text[at-1]) >= 0
}

// goesOn says whether a name goes on with something that is not known here.
func goesOn(rest string) bool {
	return rest != "" && strings.IndexByte("${*?[#", rest[0]) >= 0 || strings.HasPrefix(rest, "<%")
}

func pathByte(c byte) bool {
	return c == '/' || c == '.' || c == '-' || c == '_' || c == '@' || c == '+' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// Leads says whether a path is a folder on the way to a mount: the container has
// it, and nothing of the VM in it.
func (p Process) Leads(file string) bool {
	file = strings.TrimSuffix(path.Clean(file), "/") + "/"
	for _, m := range p.mounts() {
		if strings.HasPrefix(m.path, file) {
			return true
		}
	}
	return false
}
