package convert

import (
	"bytes"
	"cmp"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/shell"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// need is a path of the VM that a process may reach, with the place that says
// so.
type need struct {
	path string
	at   source.Span
	// property gives the path, where it does not stand in the job's files.
	property string
	// told says that the process is told of it: by its command line, its
	// environment, or a config file that these name. Otherwise it stands in a
	// template that the process may read.
	told bool
	// writes says that a script which runs in the container writes there, loose
	// that the process is told of the folder of the config file only.
	writes, loose bool
	// cut says that what the text has behind the path is not known.
	cut bool
	// open is the expression in the name behind the path, where no value is known.
	open string
}

// needs collects the paths that a process may reach: from its command line and
// environment, from the wrapper and the scripts of the job that run in its
// container, and from its config files, with the values that properties have by
// default and in the sample manifests.
func (w *job) needs(l *launch, p *bpm.ProcessTemplate) []need {
	var needs []need
	here := l.launch.Span()
	for _, t := range p.Texts() {
		needs = append(needs, w.pathsIn(text{body: t, span: func(int, int) source.Span { return here }}, true)...)
	}
	if l.script != "" {
		t := text{body: l.script, span: func(int, int) source.Span { return here }}
		needs = append(needs, markWritten(t, w.pathsIn(t, true))...)
	}
	if dir, known := p.WorkDir.Static(); known && dir != "" {
		for _, t := range p.Texts() {
			if m := relativeFile.FindStringSubmatch(t); m != nil {
				needs = append(needs, need{path: path.Join(dir, m[1]), at: here, told: true})
			}
		}
	}
	for _, f := range w.innerScripts(p, l.script) {
		t := fileText(f)
		t.body = withoutComments(f)
		needs = append(needs, markWritten(t, w.pathsIn(t, true))...)
	}
	for _, c := range w.configs(p) {
		needs = append(needs, w.configNeeds(c)...)
	}
	needs = append(needs, w.fromSetup(needs)...)
	return slices.DeleteFunc(needs, func(n need) bool { return w.edited(n.at) })
}

// configNeeds are the paths that a config file tells a process of. The processes of
// a job, and several rules, ask for the same ones.
func (w *job) configNeeds(c config) []need {
	if found, ok := w.inConfigs[c]; ok {
		return found
	}
	t := fileText(c.file)
	t.body = blankUnused(settingsOf(c.file))
	found := append(w.pathsIn(t, c.named), w.pathsInRuby(c)...)
	for i := range found {
		found[i].loose = !c.exact
	}
	if w.inConfigs == nil {
		w.inConfigs = map[config][]need{}
	}
	w.inConfigs[c] = found
	return found
}

// relativeFile is an argument, or the value in it, that names a file below the
// working directory.
var relativeFile = search.MustCompile(`^(?:--?[\w-]+=)?(?:\./)?([\w-][\w.-]*(?:/[\w.-]+)+)$`)

// fromSetup finds the paths that the set-up hands on to a process: in what it
// writes into files that the process is told of, and where the links lead that it
// makes for it. What is done behind the start tells of files that the process makes.
func (w *job) fromSetup(known []need) []need {
	told := func(file string) bool {
		return slices.ContainsFunc(known, func(n need) bool { return n.told && below(file, path.Clean(n.path)) })
	}
	var needs []need
	for _, l := range w.launches {
		for i, c := range l.result.Commands {
			span := func(int, int) source.Span { return c.Span }
			switch l.places[c].to {
			case ToPostStart: // what it finds in the run folder, the process has made
				needs = append(needs, slices.DeleteFunc(w.pathsIn(text{body: c.Text, span: span}, true), func(n need) bool {
					return !below(n.path, w.runDir()) || path.Ext(n.path) == ".pid"
				})...)
				continue
			case ToPreStart, ToHook:
			default:
				continue
			}
			if words := c.Words; c.Name() == "ln" && len(words) > 2 {
				link, ok := words[len(words)-1].Literal()
				if link = path.Clean(link); ok && !w.ownDisk(link) && (told(link) || w.ownDisk(path.Dir(link)) || slices.ContainsFunc(known, func(n need) bool { return n.told && below(n.path, link) })) {
					needs = append(needs, w.pathsIn(text{body: words[len(words)-2].String(), span: span}, true)...)
				}
				continue
			}
			if slices.ContainsFunc(append(makesFiles(c), teed(c)...), told) {
				body := written(c)
				if c.Pipe && i > 0 {
					body += "\n" + written(l.result.Commands[i-1])
				}
				needs = append(needs, w.pathsIn(text{body: body, span: span}, true)...)
			}
		}
	}
	return needs
}

// teed are the files that tee writes.
func teed(c *ctl.Command) (files []string) {
	if c.Name() == "tee" {
		for _, word := range c.Words[1:] {
			if p, known := word.Literal(); known && path.IsAbs(p) {
				files = append(files, path.Clean(p))
			}
		}
	}
	return files
}

// written is the text that a command itself writes into a file; files that it
// reads are not in it.
func written(c *ctl.Command) string {
	switch c.Name() {
	case "echo", "printf":
		return c.Text
	case "sed", "awk", "perl":
		var words []string
		for _, word := range c.Words[1:] {
			if t := word.String(); !path.IsAbs(t) {
				words = append(words, t)
			}
		}
		return strings.Join(words, "\n")
	}
	if _, body, ok := strings.Cut(c.Text, "\n"); ok && strings.Contains(c.Text, "<<") {
		return body
	}
	return ""
}

// pathsIn finds the paths in a text, and those that properties put into it.
func (w *job) pathsIn(t text, told bool) []need {
	var needs []need
	for _, at := range container.Paths(t.body) {
		needs = append(needs, need{path: t.body[at[0]:at[1]], at: t.span(at[0], at[1]), told: told, cut: goesOn.MatchString(t.body[at[1]:]), open: w.openName(t.body[at[1]:])})
	}
	for _, tag := range printed.FindAllStringIndex(t.body, -1) {
		names := erb.Properties(t.body[tag[0]:tag[1]])
		if len(names) != 1 {
			continue
		}
		for _, value := range w.valuesOf(names...) {
			v := value.text
			// as the shell or the config file has it: dir/<%= p %>/sub
			before := t.body[:tag[0]]
			before = before[strings.LastIndexAny(before, " \t\n\"'=:,;")+1:]
			after := t.body[tag[1]:]
			if i := strings.IndexAny(after, " \t\n\"':,;)"); i >= 0 {
				after = after[:i]
			}
			whole := before + v.body + after
			for _, at := range container.Paths(whole) {
				if at[1] > len(before) && at[0] < len(before)+len(v.body) {
					needs = append(needs, need{path: whole[at[0]:at[1]], at: v.span(0, len(v.body)), property: value.path, told: told, cut: v.body != whole[at[0]:at[1]]})
				}
			}
		}
	}
	return needs
}

// openName gives the expression in the name behind a path, where it asks for a
// property or a link and the release has no value for it.
func (w *job) openName(rest string) string {
	m := printedName.FindStringSubmatch(rest)
	if m == nil || !asksProperty.MatchString(m[1]) {
		return ""
	}
	if names := erb.Properties(m[1]); len(names) == 1 && len(w.valuesOf(names...)) > 0 {
		return ""
	}
	return m[1]
}

// openPath tells of a folder whose name is known only when the job is rendered.
func (w *job) openPath(l *launch, n need) {
	w.find("path-not-mounted", source.Warning, n.at, "%s is told of a folder below %s whose name %s gives, which has no value in the release: its container has no folder there but the job's own. Give it a volume for that", l.name, n.path, n.open)
	w.differs("access:" + n.path)
}

var (
	// printedName is an expression in the name that follows a path.
	printedName  = search.MustCompile(`^/[\w.-]*(<%=.*?%>)`)
	asksProperty = search.MustCompile(`\bp\(|\blink\(|\bproperties\b`)
)

// goesOn is what follows a path of which only the beginning is known.
var goesOn = search.MustCompile(`^[\w./@+-]*(?:[${*?\[#]|<%)`)

// rubyLocal is a local of Ruby that holds a path.
var rubyLocal = search.MustCompile(`(?m)^[ \t]*([a-z_]\w*)[ \t]*=[ \t]*["'][^"'\n]*["'][ \t]*$`)

// blankUnused blanks locals of Ruby that nothing in the file uses. Outside of ERB
// such a line is a setting of the config file.
func blankUnused(text string) string {
	template, err := erb.Parse(&source.File{Data: []byte(text)})
	if err != nil {
		return text
	}
	out := []byte(text)
	for _, s := range template.Segments {
		if s.Kind != erb.Code && s.Kind != erb.Expr {
			continue
		}
		for _, m := range rubyLocal.FindAllStringSubmatchIndex(text[s.Start:s.End], -1) {
			start, end := s.Start+m[0], s.Start+m[1]
			if name := text[s.Start+m[2] : s.Start+m[3]]; !hasWord([]byte(text[:start]+text[end:]), name) {
				copy(out[start:end], bytes.Repeat([]byte(" "), end-start))
			}
		}
	}
	return string(out)
}

// pathsInRuby finds the paths that properties give in the Ruby of a config file:
// one that prints a hash as JSON or YAML has few tags of its own.
func (w *job) pathsInRuby(c config) []need {
	template, err := erb.Parse(c.file)
	if err != nil {
		return nil
	}
	var needs []need
	for _, s := range template.Segments {
		if s.Kind != erb.Expr && s.Kind != erb.Code {
			continue
		}
		names := erb.Properties(s.Code(template))
		if s.Kind == erb.Expr && len(names) == 1 && printed.Match(c.file.Data[s.Start:s.End]) {
			continue // pathsIn has it, with what stands around it
		}
		for _, name := range names {
			for _, v := range w.valuesOf(name) {
				if at := container.Paths(v.text.body); len(at) > 0 && at[0][0] == 0 {
					needs = append(needs, need{path: v.text.body[:at[0][1]], at: v.text.span(0, len(v.text.body)), property: v.path, told: c.named, cut: at[0][1] != len(v.text.body)})
				}
			}
		}
	}
	return needs
}

// innerScripts are the scripts of the job that run in the container of a
// process: the one that it executes, and those which that one or the wrapper
// names.
func (w *job) innerScripts(p *bpm.ProcessTemplate, wrapper string) []*source.File {
	var found []*source.File
	queue := append(p.Texts(), wrapper)
	for i := 0; i < len(queue) && i < 100; i++ {
		for _, at := range container.Paths(queue[i]) {
			file := path.Clean(queue[i][at[0]:at[1]])
			rest, own := strings.CutPrefix(file, w.jobDir()+"/")
			if !own {
				continue
			}
			f, _, err := w.Job.TemplateFile(rest)
			if err != nil || slices.Contains(found, f) || !bytes.HasPrefix(f.Data, []byte("#!")) && !strings.HasPrefix(rest, "bin/") {
				continue
			}
			found = append(found, f)
			queue = append(queue, string(f.Data))
		}
	}
	return found
}

// markWritten notes which paths of a script its commands write.
func markWritten(t text, needs []need) []need {
	written := writtenIn(t.body)
	for i, n := range needs {
		needs[i].writes = slices.Contains(written, n.path)
		needs[i].cut = true // the value of a variable, perhaps
	}
	return needs
}

// writtenIn gives the paths that the commands of a script write, make, or
// change the owner of. A script that is not understood writes nothing.
func writtenIn(script string) []string {
	template, err := erb.Parse(&source.File{Data: []byte(script)})
	if err != nil {
		return nil
	}
	tree, err := shell.Parse(template.Mask(), "")
	if err != nil {
		return nil
	}
	var paths []string
	add := func(word *syntax.Word) {
		at := int(word.Pos().Offset())
		for _, p := range container.Paths(script[at:min(int(word.End().Offset()), len(script))]) {
			paths = append(paths, script[at+p[0]:at+p[1]])
		}
	}
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Redirect:
			switch n.Op {
			case syntax.RdrOut, syntax.AppOut, syntax.RdrAll, syntax.AppAll, syntax.RdrClob:
				if n.Word != nil {
					add(n.Word)
				}
			}
		case *syntax.CallExpr:
			if len(n.Args) < 2 {
				return true
			}
			switch name := n.Args[0].Lit(); {
			case fileMakers[name] && (name == "cp" || name == "mv" || name == "ln" || name == "rsync" || name == "install"):
				add(n.Args[len(n.Args)-1])
			case fileMakers[name], fileCommands[name], name == "tee", name == "rm", name == "sed" && n.Args[1].Lit() == "-i":
				for _, a := range n.Args[1:] {
					add(a)
				}
			}
		}
		return true
	})
	return paths
}

// fileName has an ending that is no part of a version.
var fileName = search.MustCompile(`\.[A-Za-z]+$`)

// volumes gives a process the folders that it needs and its container does not
// have, and names what it cannot have.
func (w *job) volumes(l *launch, p *bpm.ProcessTemplate) {
	w.noexec(l, p)
	defer w.executableTmp(l, p) // behind the volumes
	defer w.outermost(p)
	for _, n := range w.needs(l, p) {
		n.path = path.Clean(n.path)
		place := container.Locate(w.Job.Name, n.path)
		own := place.Owner == w.Job.Name
		switch place.Kind {
		case container.Tmp, container.Kernel:
		case container.Packages, container.System:
			w.readOnly(l, n, place)
		case container.Job:
			if own && n.path != p.Executable {
				w.readOnly(l, n, place)
			} else if !own && n.told && place.Owner != "" && place.Owner != "bpm" {
				w.shared(l, p, n, n.path)
			}
		case container.Agent:
			if n.told {
				w.find("host-path", source.Warning, n.at, "%s belongs to the BOSH agent, and the container does not have it; %s cannot read it any more", w.named(n), l.name)
				w.differs("access:" + n.path)
			}
		case container.Device, container.HostRun, container.HostLog, container.Home, container.Host:
			switch folder := hostFolder(n.path); {
			case !n.told || n.loose:
			case folder != "":
				w.shared(l, p, n, folder)
			default:
				w.hostPath(l, p, n, place)
			}
		case container.Log:
			if !own && n.told {
				w.jobFolder(l, p, n, place)
			}
		case container.Data, container.Store:
			switch {
			case place.Owner == "" && n.told && !n.loose && n.open != "":
				w.openPath(l, n)
			case place.Owner == "" && n.told && !n.loose && !n.cut && !w.has(p, n.path):
				w.find("path-not-mounted", source.Warning, n.at, "%s is told of %s itself, and its container has no folder there but the job's own; give it a volume for each of those that it needs", l.name, w.named(n))
				w.differs("access:" + n.path)
			case !own && n.told:
				w.jobFolder(l, p, n, place)
			}
		case container.Run, container.SysTmp:
			if place.Owner == "" && n.told && !n.loose && n.open != "" {
				w.openPath(l, n)
			}
			if place.Owner != "bpm" {
				w.jobFolder(l, p, n, place)
			}
		}
	}
}

// noexec names a program that lies where a container executes nothing.
func (w *job) noexec(l *launch, p *bpm.ProcessTemplate) {
	programs := []string{p.Executable}
	for _, u := range l.ways {
		exe, ok := u.Executable.Literal()
		if dir, known := u.Dir.Literal(); ok && known && strings.Contains(exe, "/") && !path.IsAbs(exe) {
			exe = path.Join(dir, exe)
		}
		if ok {
			programs = append(programs, path.Clean(exe))
		}
	}
	slices.Sort(programs)
	for _, exe := range slices.Compact(programs) {
		place := container.Locate(w.Job.Name, exe)
		switch place.Kind {
		case container.Data, container.Store:
			rest := strings.TrimPrefix(exe, place.Folder+"/")
			if folder, _, sub := strings.Cut(rest, "/"); sub && place.Owner == w.Job.Name {
				v := bpm.Volume{Path: path.Join(place.Folder, folder), Writable: true, AllowExecutions: true}
				p.AdditionalVolumes = append(p.AdditionalVolumes, v)
				w.decide(l, at(l.launch.Span()), "additional_volumes: "+v.Path, "%s is executed from there, and bpm mounts the disks without the right to execute", exe)
				continue
			}
		case container.Log, container.Tmp, container.Run, container.SysTmp:
		default:
			continue
		}
		w.find("noexec-path", source.Error, l.launch.Span(), "%s lies in a folder that bpm mounts without the right to execute; run it from its package, or from a volume with allow_executions", exe)
	}
}

// unpacks are programs that unpack native code into their tmp folder and load it
// from there (JNA, JFFI, Snappy): it must not be noexec.
var unpacks = search.MustCompile(`(?i)/[\w.-]*(?:elasticsearch|opensearch|logstash|cassandra|kafka|jruby)[\w.-]*(?:/|$)`)

// tmpSetting is what tells such a program where its tmp folder is.
var tmpSetting = search.MustCompile(`java\.io\.tmpdir=["']?(/[\w./-]+)`)

// executableTmp lets a program that unpacks code execute it from the folder that
// it is told of; in the tmp folder that every container has it cannot.
func (w *job) executableTmp(l *launch, p *bpm.ProcessTemplate) {
	texts := append(p.Texts(), l.script)
	for _, u := range l.ways {
		texts = append(texts, u.Executable.String())
	}
	if !slices.ContainsFunc(texts, unpacks.MatchString) {
		return
	}
	folder := ""
	for _, e := range p.Env {
		if e.Name == "TMPDIR" || e.Name == "ES_TMPDIR" {
			folder, _ = e.Value.Static()
		}
	}
	for _, c := range w.configs(p) {
		texts = append(texts, string(c.file.Data))
	}
	for _, t := range texts {
		if m := tmpSetting.FindStringSubmatch(t); m != nil {
			folder = m[1]
		}
	}
	for i, v := range p.AdditionalVolumes {
		if folder != "" && below(folder, v.Path) {
			p.AdditionalVolumes[i].AllowExecutions = true
			w.decide(l, at(l.launch.Span()), "allow_executions: "+v.Path, "the program unpacks native code into its tmp folder and loads it from there")
			return
		}
	}
	w.find("noexec-tmp", source.Warning, l.launch.Span(), "%s may unpack native code into its tmp folder (JNA, JFFI) and load it from there, and %s is noexec in the container. If it does, add a volume with allow_executions and name it with -Djava.io.tmpdir", l.name, cmp.Or(folder, "/tmp"))
}

// hostFolder is the folder below /var/vcap that holds a path of no job:
// /var/vcap/shared, /var/vcap/sys/service-log/NAME. "" elsewhere.
func hostFolder(file string) string {
	parts := strings.Split(file, "/")
	switch {
	case !below(file, "/var/vcap") || len(parts) < 4 || below(file, "/var/vcap/data"):
		return ""
	case parts[3] == "sys" && len(parts) > 5:
		return strings.Join(parts[:6], "/")
	case parts[3] == "sys":
		return ""
	}
	return strings.Join(parts[:4], "/")
}

// named says what gives a path.
func (w *job) named(n need) string {
	if n.property != "" {
		return n.path + " (property " + n.property + ")"
	}
	return n.path
}

// has says whether a process can reach a path already.
func (w *job) has(p *bpm.ProcessTemplate, file string) bool {
	return container.Of(w.Job.Name, p.Process).Access(file).There
}

// jobFolder mounts the folder of a job, its own or another one's, below data,
// store, sys/run, sys/log or sys/tmp.
func (w *job) jobFolder(l *launch, p *bpm.ProcessTemplate, n need, place container.Place) {
	switch {
	case place.Owner == "", w.has(p, n.path):
		return
	case n.path == place.Folder && fileName.MatchString(n.path):
		// a file that lies beside the folders of the jobs
		if path.Ext(n.path) != ".pid" {
			w.find("lone-file", source.Warning, n.at, "%s lies in a folder that belongs to no job, and the container does not have it; give it a folder of its own below %s", w.named(n), path.Join(path.Dir(n.path), w.Job.Name))
			w.differs("access:" + n.path)
		}
		return
	}
	// bpm sets the mode and the owner of a volume at every start, which is not
	// for folders that others made
	foreign := w.ctx.Release.Job(place.Owner) != nil || place.Kind == container.Run || place.Kind == container.Log
	if place.Owner != w.Job.Name && foreign && !w.madeFolder(place.Folder) {
		w.shared(l, p, n, place.Folder)
		return
	}
	p.AdditionalVolumes = append(p.AdditionalVolumes, bpm.Volume{Path: place.Folder, Writable: true})
	if above := path.Dir(place.Folder); place.Kind == container.SysTmp && path.Base(path.Dir(above)) == "sys" {
		w.preStart.share(above) // nobody makes it but the first job that needs it
	}
	w.decide(l, at(n.at), "additional_volumes: "+place.Folder, "the process is told of %s, and the container does not have it otherwise", w.named(n))
	w.byProperty(n, place.Folder)
}

// outermost leaves out volumes that lie in another one of the same kind.
func (w *job) outermost(p *bpm.ProcessTemplate) {
	volumes := p.Unsafe.UnrestrictedVolumes
	p.Unsafe.UnrestrictedVolumes = slices.DeleteFunc(slices.Clone(volumes), func(v bpm.Volume) bool {
		return slices.ContainsFunc(volumes, func(o bpm.Volume) bool {
			if o.Path == v.Path || !below(v.Path, o.Path) || o.MountOnly != v.MountOnly || o.Writable != v.Writable || o.AllowExecutions != v.AllowExecutions {
				return false
			}
			w.Decisions = slices.DeleteFunc(w.Decisions, func(d Decision) bool { return strings.HasSuffix(d.What, "unsafe.unrestricted_volumes: "+v.Path) })
			w.Findings = slices.DeleteFunc(w.Findings, func(d source.Diagnostic) bool {
				return d.ID == "shared-folder" && strings.HasPrefix(d.Message, v.Path+" ")
			})
			return true
		})
	})
}

// byProperty notes that a volume is for the value that a property has here.
func (w *job) byProperty(n need, folder string) {
	if n.property != "" {
		w.find("path-property", source.Note, n.at, "property %s gives this path, and the volume %s is for this value; with another one the process needs another volume", n.property, folder)
	}
}

// shared mounts what belongs to somebody else: as it is, and left out when it is
// missing, where a volume with mount_only would keep the process from starting.
func (w *job) shared(l *launch, p *bpm.ProcessTemplate, n need, folder string) {
	if w.has(p, folder) {
		return
	}
	v := bpm.Volume{Path: folder, MountOnly: true, Writable: n.writes, AllowExecutions: strings.Contains(n.path, "/bin/")}
	if place := container.Locate(w.Job.Name, folder); place.Kind != container.Job {
		v.Writable = true
	}
	// several files of one folder are one volume
	for i, o := range p.Unsafe.UnrestrictedVolumes {
		if o.MountOnly && path.Dir(o.Path) == path.Dir(folder) && container.Locate(w.Job.Name, folder).Kind == container.Job && strings.Count(folder, "/") > 5 {
			p.Unsafe.UnrestrictedVolumes[i] = bpm.Volume{Path: path.Dir(folder), MountOnly: true, Writable: o.Writable || v.Writable, AllowExecutions: o.AllowExecutions || v.AllowExecutions}
			w.Decisions = slices.DeleteFunc(w.Decisions, func(d Decision) bool { return strings.HasSuffix(d.What, "unsafe.unrestricted_volumes: "+o.Path) })
			w.decide(l, at(n.at), "unsafe.unrestricted_volumes: "+path.Dir(folder), "the process is told of %s, and of others in this folder", w.named(n))
			return
		}
	}
	p.Unsafe.UnrestrictedVolumes = append(p.Unsafe.UnrestrictedVolumes, v)
	w.decide(l, at(n.at), "unsafe.unrestricted_volumes: "+v.Path, "the process is told of %s, which is not the job's own", w.named(n))
	other := ""
	if n.property != "" {
		other = ". With another value of property " + n.property + " the process needs another volume"
	}
	w.find("shared-folder", source.Warning, n.at, "%s is not the job's own; the container gets it as it is, when it is there as the process starts, and not what is mounted there later%s", v.Path, other)
}

// madeFolder says whether a script of the job makes a folder: its path stands
// there, by itself or as the value of a variable, and so does mkdir.
func (w *job) madeFolder(dir string) bool {
	for _, t := range w.Job.Spec.Templates {
		f, _, err := w.Job.TemplateFile(t.Target)
		if err == nil && strings.HasPrefix(t.Target, "bin/") && bytes.Contains(f.Data, []byte("mkdir")) && len(fileText(f).mentions(dir)) > 0 {
			return true
		}
	}
	for _, l := range w.launches {
		for _, c := range l.result.Commands {
			if c.Name() == "mkdir" || c.Name() == "install" {
				if paths, ok := operands(c); ok && slices.Contains(paths, dir) {
					return true
				}
			}
		}
	}
	return false
}

// writtenName is what files and folders are called that a program writes.
var writtenName = search.MustCompile(`(?i)^(?:logs?|data|tmp|temp|cache|run|pids?|work|db|spool|state)$|\.(?:log|pid|sock|lock|db)$`)

// readOnly names what a process writes, or seems to write, where its container
// is read-only.
func (w *job) readOnly(l *launch, n need, place container.Place) {
	seems := n.told && n.property == "" && place.Kind != container.System && writtenName.MatchString(path.Base(n.path))
	if !n.writes && !seems {
		return
	}
	how := "is written by a script that runs in the container"
	if !n.writes {
		how = "looks like a place that " + l.name + " writes"
	}
	w.find("read-only-path", source.Warning, n.at, "%s %s, and is read-only there; use %s or %s", n.path, how, w.dataDir(), w.storeDir())
	w.differs("access:" + n.path)
}

// hostPath names what of the host a process asks for. The socket of syslog is
// mounted: nothing else can be meant by it.
func (w *job) hostPath(l *launch, p *bpm.ProcessTemplate, n need, place container.Place) {
	if w.has(p, n.path) {
		return
	}
	switch {
	case n.path == "/dev/log":
		p.Unsafe.UnrestrictedVolumes = append(p.Unsafe.UnrestrictedVolumes, bpm.Volume{Path: n.path, MountOnly: true})
		w.decide(l, at(n.at), "unsafe.unrestricted_volumes: /dev/log", "the process is told of the socket of syslog, and the container does not have it otherwise")
		w.find("syslog-socket", source.Warning, n.at, "%s logs to the socket of syslog, which is the host's: the container gets it as it is. Where something else forwards the logs (blackbox of syslog-release), let it log to stdout and take the volume out", l.name)
	case place.Kind == container.Device:
		w.find("host-path", source.Warning, n.at, "the container has no %s, and a device needs more than a volume: what %s does with it will fail. Keep the job on its script where it is needed", w.named(n), l.name)
	case slices.ContainsFunc(p.Env, func(e bpm.Variable) bool { home, _ := e.Value.Static(); return e.Name == "HOME" && home == n.path }):
		return // most programs only look for optional files there
	default:
		w.find("host-path", source.Warning, n.at, "the container does not have %s, which is the host's. If %s needs it, add it to unsafe.unrestricted_volumes with mount_only: true and a line that says why", w.named(n), l.name)
	}
	w.differs("access:" + n.path)
}

// endsInExec says whether the last command of a script is an exec. What is no
// shell does not need one.
func endsInExec(f *source.File) bool {
	if _, shell := ctl.Shell(f); !shell {
		return true
	}
	template, err := erb.Parse(f)
	if err != nil {
		return false
	}
	tree, err := shell.Parse(template.Mask(), "")
	if err != nil || len(tree.Stmts) == 0 {
		return false
	}
	ends := false
	var last func(stmts []*syntax.Stmt)
	last = func(stmts []*syntax.Stmt) {
		if len(stmts) == 0 {
			return
		}
		switch c := stmts[len(stmts)-1].Cmd.(type) {
		case *syntax.CallExpr:
			ends = ends || len(c.Args) > 1 && c.Args[0].Lit() == "exec"
		case *syntax.IfClause:
			for arm := c; arm != nil; arm = arm.Else {
				last(arm.Then)
			}
		case *syntax.CaseClause:
			for _, i := range c.Items {
				last(i.Stmts)
			}
		case *syntax.Block:
			last(c.Stmts)
		}
	}
	last(tree.Stmts)
	return ends
}
