package convert

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudfoundry/bosh-cli/v7/templatescompiler/erbrenderer"
	boshlog "github.com/cloudfoundry/bosh-utils/logger"
	boshsys "github.com/cloudfoundry/bosh-utils/system"
	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
)

// evaluation is what BOSH gives a template: bosh-cli's own renderer reads it.
type evaluation struct {
	Index             int            `json:"index"`
	ID                string         `json:"id"`
	AZ                string         `json:"az"`
	Bootstrap         bool           `json:"bootstrap"`
	Deployment        string         `json:"deployment"`
	Address           string         `json:"address"`
	Job               map[string]any `json:"job"`
	Networks          map[string]any `json:"networks"`
	GlobalProperties  map[string]any `json:"global_properties"`
	ClusterProperties map[string]any `json:"cluster_properties"`
	JobProperties     map[string]any `json:"job_properties"`
	DefaultProperties map[string]any `json:"default_properties"`
}

func (e evaluation) MarshalJSON() ([]byte, error) {
	type plain evaluation
	return json.Marshal(plain(e))
}

// rendered renders the templates that a conversion writes, with bosh-cli's
// renderer and the real ruby, and holds what comes out against the schema of
// bpm.yml, and scripts against bash -n.
func rendered(t *testing.T, p *Plan, props []byte) string {
	t.Helper()
	if _, err := exec.LookPath("ruby"); err != nil {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatal("ruby is missing")
		}
		return ""
	}
	properties := map[string]any{}
	if err := yaml.Unmarshal(props, &properties); err != nil {
		t.Fatal(err)
	}
	log := boshlog.NewLogger(boshlog.LevelNone)
	renderer := erbrenderer.NewERBRenderer(boshsys.NewOsFileSystem(log), boshsys.NewExecCmdRunner(log), log)
	var b strings.Builder
	for _, c := range p.Jobs {
		context := evaluation{
			Index: 0, ID: "id", AZ: "z1", Bootstrap: true, Deployment: "web", Address: "10.0.0.1", Job: map[string]any{"name": c.Job.Name},
			Networks:         map[string]any{"default": map[string]any{"ip": "10.0.0.1"}},
			GlobalProperties: map[string]any{}, ClusterProperties: map[string]any{}, JobProperties: properties, DefaultProperties: map[string]any{},
		}
		if c.Job.Spec != nil {
			for _, prop := range c.Job.Spec.Properties {
				var value any
				if prop.Default != nil {
					if err := prop.Default.Decode(&value); err != nil {
						t.Fatal(err)
					}
				}
				context.DefaultProperties[prop.Name] = value
			}
		}
		for _, change := range c.Changes {
			base := filepath.Base(change.Name)
			if change.Delete || !strings.HasSuffix(base, ".erb") {
				continue
			}
			dir := t.TempDir()
			src, dst := filepath.Join(dir, "in"), filepath.Join(dir, "out")
			if err := os.WriteFile(src, change.After, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := renderer.Render(src, dst, context); err != nil {
				t.Errorf("%s does not render: %v", change.Name, err)
				continue
			}
			out, err := os.ReadFile(dst)
			if err != nil {
				t.Fatal(err)
			}
			if base == configTemplate {
				if err := bpm.Validate(out); err != nil {
					t.Errorf("%s: %v\n%s", change.Name, err, out)
				}
				if strings.Contains(string(change.After), "<%") {
					b.WriteString("rendered " + change.Name + "\n  | " + strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "\n  | ") + "\n")
				}
				continue
			}
			if msg, err := exec.Command("bash", "-n", dst).CombinedOutput(); err != nil && strings.HasPrefix(string(out), "#!") {
				t.Errorf("%s: %s", change.Name, msg)
			}
			b.WriteString("rendered " + change.Name + "\n  | " + strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "\n  | ") + "\n")
		}
	}
	return b.String()
}
