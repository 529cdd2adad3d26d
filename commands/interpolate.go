package commands

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	boshtpl "github.com/cloudfoundry/bosh-cli/v7/director/template"
	"github.com/cppforlife/go-patch/patch"
	"gopkg.in/yaml.v2"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// variableOptions are those of bosh int, by the same names. A vars store is
// read only: what bosh would generate does not matter here.
type variableOptions struct {
	VarKVs    []boshtpl.VarKV       `long:"var" short:"v" value-name:"VAR=VALUE" description:"Set variable"`
	VarFiles  []boshtpl.VarFileArg  `long:"var-file" value-name:"VAR=PATH" description:"Set variable to file contents"`
	VarsFiles []boshtpl.VarsFileArg `long:"vars-file" short:"l" value-name:"PATH" description:"Load variables from a YAML file"`
	VarsEnvs  []boshtpl.VarsEnvArg  `long:"vars-env" value-name:"PREFIX" description:"Load variables from environment variables (e.g.: 'MY' to load MY_var=value)"`
	VarsStore string                `long:"vars-store" value-name:"PATH" description:"Load variables from a YAML file; unlike bosh int, this never writes it"`
}

// variables gives them in bosh's order: the later ones win, the store is asked
// last.
func (o *variableOptions) variables() (boshtpl.StaticVariables, error) {
	all := boshtpl.StaticVariables{}
	if o.VarsStore != "" {
		data, err := os.ReadFile(o.VarsStore)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // bosh would make it
			return nil, err
		}
		if err := yaml.Unmarshal(data, &all); err != nil {
			return nil, fmt.Errorf("%s: %w", o.VarsStore, err)
		}
	}
	set := func(vars boshtpl.StaticVariables) {
		for k, v := range vars {
			all[k] = v
		}
	}
	for _, e := range o.VarsEnvs {
		set(e.Vars)
	}
	for _, f := range o.VarsFiles {
		set(f.Vars)
	}
	for _, f := range o.VarFiles {
		set(f.Vars)
	}
	for _, kv := range o.VarKVs {
		all[kv.Name] = kv.Value
	}
	return all, nil
}

// interpolation is what manifests go through before they are looked at.
type interpolation struct {
	ops  patch.Ops
	vars boshtpl.StaticVariables
}

func (o *variableOptions) interpolation(opsFiles []string) (*interpolation, error) {
	vars, err := o.variables()
	if err != nil {
		return nil, err
	}
	in := &interpolation{vars: vars}
	for _, name := range opsFiles {
		f, err := readInput(name)
		if err != nil {
			return nil, err
		}
		var definitions []patch.OpDefinition
		if err := yaml.Unmarshal(f.Data, &definitions); err != nil {
			return nil, fmt.Errorf("%s: is no ops-file: %w", name, release.YAMLError(f, err))
		}
		for i := range definitions {
			failed := fmt.Sprintf("operation [%d] in %s failed", i, name)
			definitions[i].Error = &failed
		}
		ops, err := patch.NewOpsFromDefinitions(definitions)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		in.ops = append(in.ops, ops)
	}
	return in, nil
}

// readInput reads a file that is only looked at: also a pipe, such as that of
// <(bosh manifest).
func readInput(name string) (*source.File, error) {
	info, err := os.Stat(name)
	if err != nil || info.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice) == 0 {
		return release.ReadFile(name, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, release.MaxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > release.MaxFileSize {
		return nil, fmt.Errorf("%s: gives more than the %d bytes that are read", name, release.MaxFileSize)
	}
	return &source.File{Name: name, Data: data}, nil
}

// none says that manifests are taken as they are.
func (in *interpolation) none() bool { return len(in.ops) == 0 && len(in.vars) == 0 }

// read reads a manifest as bosh int would print it. Places are those of the file
// where the same thing stands there.
func (in *interpolation) read(name string) (*manifest.Manifest, error) {
	f, err := readInput(name)
	if err != nil {
		return nil, err
	}
	raw, err := manifest.Read(f)
	if err != nil {
		return nil, err
	}
	grows := (raw.Kind == manifest.Unknown || raw.Kind == manifest.Empty || raw.Kind == manifest.VarsFile)
	if err := raw.NotDeployment(); err != nil && !grows || in.none() {
		return raw, err
	}
	m, err := in.evaluate(raw)
	if err != nil {
		return nil, err
	}
	return m, m.NotDeployment()
}

// onlyVars leaves the ops-files out.
func (in *interpolation) onlyVars() *interpolation { return &interpolation{vars: in.vars} }

// evaluate applies the ops-files, and fills the variables in behind that, as bosh
// int does.
func (in *interpolation) evaluate(raw *manifest.Manifest) (*manifest.Manifest, error) {
	m, err := in.step(raw, in.ops, nil)
	if err != nil {
		return nil, err
	}
	var template *manifest.Manifest
	if len(in.vars) > 0 {
		template = m
		if m, err = in.step(raw, in.ops, in.vars); err != nil {
			return nil, err
		}
	}
	m.FilledFrom(template, raw)
	return m, nil
}

func (in *interpolation) step(raw *manifest.Manifest, ops patch.Ops, vars boshtpl.StaticVariables) (*manifest.Manifest, error) {
	name := raw.File.Name
	data, err := boshtpl.NewTemplate(raw.File.Data).Evaluate(vars, ops, boshtpl.EvaluateOpts{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return manifest.Read(&source.File{Name: name + manifest.Interpolated, Data: data})
}
