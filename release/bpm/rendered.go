package bpm

import (
	"errors"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Rendered reads a rendered bpm.yml as bpm does (bpm-release 1.4,
// src/bpm/config/job_config.go): keys that it does not know are ignored. Env is
// sorted by name.
func Rendered(data []byte) ([]Process, error) {
	var c struct {
		Processes []yaml.Node `yaml:"processes"`
	}
	if err := yaml.Unmarshal(data, &c); err != nil {
		return nil, plainly(err)
	}
	var out []Process
	for _, n := range c.Processes {
		var e struct {
			Env map[string]string `yaml:"env"`
		}
		if err := n.Decode(&e); err != nil {
			return nil, plainly(err)
		}
		// a Process has the variables as a list, for printing them in order
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "env" {
				n.Content = slices.Delete(n.Content, i, i+2)
				break
			}
		}
		var p Process
		if err := n.Decode(&p); err != nil {
			return nil, plainly(err)
		}
		for name, value := range e.Env {
			p.Env = append(p.Env, Env{name, value})
		}
		slices.SortFunc(p.Env, func(a, b Env) int { return strings.Compare(a.Name, b.Name) })
		out = append(out, p)
	}
	return out, nil
}

func plainly(err error) error { return errors.New(strings.TrimPrefix(err.Error(), "yaml: ")) }
