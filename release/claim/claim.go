// Package claim has the reasons for which a statement of an old script may go: a
// closed set, each a claim about the new side that can be looked at. Package
// convert makes them, package verify holds the machine against them. The package
// decides nothing and reads no files.
package claim

import (
	"path"
	"slices"
	"strings"
)

// Kind is what a claim says.
type Kind string

const (
	// None is no claim: the statement went somewhere.
	None Kind = ""
	// Listed: what the statement runs is accounted for by itself.
	Listed Kind = "listed"
	// Flow: control flow, an option or a condition of the old script, which ends
	// with it. It explains no file and no variable.
	Flow Kind = "flow"
	// Quiet: it changes nothing outside the old script.
	Quiet Kind = "quiet"
	// Output: it handled the output, which bpm writes to files.
	Output Kind = "output"
	// Value: a variable of the shell, whose value is where it was used.
	Value Kind = "value"
	// Folder: it chose a working directory for the old script.
	Folder Kind = "folder"
	// Process: it looked for, guarded or ended a process, which bpm does.
	Process Kind = "process"
	// Pidfile: it wrote or removed the old pidfile, which nothing that remains
	// reads.
	Pidfile Kind = "pidfile"
	// Made: bpm or the agent makes the paths, for the user of the process.
	Made Kind = "made"
	// Unused: nothing that remains uses the paths.
	Unused Kind = "unused"
	// Shared: the folder of the VM is not needed for itself.
	Shared Kind = "shared"
	// Limit: bpm has no such limit, or its own holds.
	Limit Kind = "limit"
	// Undone: it undid a start that had failed.
	Undone Kind = "undone"
	// NeverRuns: the start of the process does not come to it.
	NeverRuns Kind = "never runs"
	// OtherForm: it belongs to the form of a job that goes with its flag.
	OtherForm Kind = "other form"
)

// Claim is one reason. It can be compared; the zero value is none.
type Claim struct {
	Kind Kind
	// paths are those that it names, a line each, behind what is said of it and the
	// sentence; format is the sentence of all, with %s for them. Both are texts so that
	// claims can be compared.
	paths, format string
}

// String is the sentence of the ledger.
func (c Claim) String() string {
	return strings.ReplaceAll(c.format, "%s", strings.Join(c.Paths(), ", "))
}

// Paths are those that it names, clean.
func (c Claim) Paths() []string {
	var out []string
	for _, a := range c.all() {
		out = append(out, a.path)
	}
	return out
}

// Of is what the claim says of a path, and the sentence; None where it does not
// name it.
func (c Claim) Of(p string) (Kind, string) {
	for _, a := range c.all() {
		if a.path == path.Clean(p) {
			return a.kind, strings.ReplaceAll(a.format, "%s", a.path)
		}
	}
	return None, ""
}

type part struct {
	kind         Kind
	path, format string
}

func (c Claim) all() []part {
	var out []part
	for l := range strings.Lines(c.paths) {
		f := strings.Split(strings.TrimSuffix(l, "\n"), "\t")
		out = append(out, part{Kind(f[0]), f[1], f[2]})
	}
	return out
}

func about(k Kind, format string, paths ...string) Claim {
	c := Claim{Kind: k, format: format}
	for _, p := range paths {
		c.paths += string(k) + "\t" + p + "\t" + format + "\n"
	}
	return c
}

// The claims that name no path.
var (
	CallListed       = about(Listed, "call of what is listed on its own")
	HelpsListed      = about(Listed, "only helps what is listed on its own")
	ControlFlow      = about(Flow, "control flow of the old script")
	OldCondition     = about(Flow, "condition of the old script")
	ShellOption      = about(Flow, "option of the old shell")
	LooksAtDropped   = about(Flow, "looks at a command that is not needed any more")
	NoEffect         = about(Quiet, "changes nothing outside the old script")
	Message          = about(Quiet, "message of the old script")
	OutputToFiles    = about(Output, "bpm writes the output to files")
	NothingLeft      = about(Output, "bpm writes the output to files; nothing is left that this would read")
	HandlesOutput    = about(Output, "it only handles the output of the old script")
	ValueInPlace     = about(Value, "shell variable; its value stands where it was used")
	SetWhereUsed     = about(Value, "shell variable, which is set where it is used")
	OldDirectory     = about(Folder, "working directory of the old script")
	StopsProcess     = about(Process, "bpm stops the process, and the old script is gone")
	GuardsProcess    = about(Process, "bpm guards, writes and removes the pidfile")
	RemovesOld       = about(Process, "bpm removes what is left of an old process before it starts a new one")
	UndidFailedStart = about(Undone, "undid a start that had failed, and killed the process then")
	NoSuchLimit      = about(Limit, "bpm has no such limit")
	UnlimitedAlready = about(Limit, "bpm sets no such limit")
	LimitOnVM        = about(Limit, "the value is known only on the VM")
	LimitIsNoNumber  = about(Limit, "no number")
	LimitByCondition = about(Limit, "a limit that is set on a condition of the VM")
	CoreTooLarge     = about(Limit, "bpm sets no limit for core files that is this large")
	CoreUnknown      = about(Limit, "the size is known only when the job is rendered")
	CoreNone         = about(Limit, "bpm allows no core files unless it is told to")
	NoScript         = about(OtherForm, "not read: no script of the shell")
	PartOfForm       = about(OtherForm, "part of the form that goes")
	FormHasLike      = about(OtherForm, "bpm's form has the like of it")
)

// OutputTo says that bpm redirects the output of a process below a folder.
func OutputTo(logDir, process string) Claim {
	return about(Output, "bpm redirects the output to "+logDir+"/"+process+".stdout.log and .stderr.log")
}

// PidfileWritten says that bpm writes the pidfile, and that nothing reads the one
// at p, "" where it is not known.
func PidfileWritten(p string) Claim { return about(Pidfile, "bpm writes the pidfile", clean(p)...) }

// PidfileRemoved says that bpm writes and removes its own.
func PidfileRemoved(paths ...string) Claim {
	return about(Pidfile, "bpm writes and removes its pidfile", paths...)
}

// MadeByBPM says that bpm makes the folders, for vcap.
func MadeByBPM(paths ...string) Claim {
	return about(Made, "bpm makes %s with the right owner", paths...)
}

// MadeByBoth says that bpm makes some of the folders and the agent the others.
func MadeByBoth(paths ...string) Claim {
	return about(Made, "bpm and the BOSH agent make %s with the right owner", paths...)
}

// MadeByAgent says that the agent makes the folders below the job's own.
func MadeByAgent(paths ...string) Claim {
	return about(Made, "the BOSH agent makes %s readable for vcap, and the container cannot write there", paths...)
}

// MadeAsVolume says that bpm makes the path, which is a volume.
func MadeAsVolume(paths ...string) Claim {
	return about(Made, volume, paths...)
}

const volume = "bpm makes the volume %s"

// Volume says whether the claim is that bpm makes a path as a volume.
func (c Claim) Volume(p string) bool {
	return slices.ContainsFunc(c.all(), func(a part) bool { return a.path == path.Clean(p) && a.format == volume })
}

// OnlyOld says that only the old script used the paths.
func OnlyOld(paths ...string) Claim {
	return about(Unused, "only the old script used %s", paths...)
}

// FolderAbove says of a folder of the VM that bpm makes what the process is told
// of below it.
func FolderAbove(p string) Claim {
	return about(Shared, "bpm makes the folders below it that the process is told of", p)
}

// And puts the claims about the paths of one statement together: each path keeps
// its own reason.
func And(claims ...Claim) Claim {
	var all []Claim
	for _, c := range claims {
		i := slices.IndexFunc(all, func(o Claim) bool { return o.format == c.format })
		if i < 0 {
			all = append(all, c)
			continue
		}
		all[i].paths += c.paths
	}
	if len(all) == 0 {
		return Claim{}
	}
	out := all[0]
	for _, c := range all[1:] {
		out.format = out.String() + "; " + c.String()
		out.paths += c.paths
	}
	return out
}

// NotStarted says why the start does not come to a statement.
func NotStarted(why string) Claim { return about(NeverRuns, why) }

// FormLacks says what bpm's form of the job has nothing of.
func FormLacks(what string) Claim {
	return about(OtherForm, "bpm's form has nothing of it: "+what)
}

func clean(p string) []string {
	if p == "" {
		return nil
	}
	return []string{path.Clean(p)}
}
