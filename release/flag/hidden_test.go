package flag

import (
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// TestHidden holds that a use which is not read as a condition keeps the template as
// it is, and that what has nothing to do with the property does not.
func TestHidden(t *testing.T) {
	for text, left := range map[string]bool{
		`<% f = -> { p("bpm.enabled") } %><%= f.call %>`:                                               true,
		`<% f = lambda do p("bpm.enabled") end %>`:                                                     true,
		"<%= <<E\n#{p(\"bpm.enabled\")}\nE\n%>":                                                        true,
		`<% if x =~ /a#{p("bpm.enabled")}/ %>a<% end %>`:                                               true,
		`<% ["bpm"].each do |f| %><% if p("#{f}.enabled") %>a<% end %><% end %>`:                       true,
		`<% if p("bpm"+".enabled") %>a<% end %>`:                                                       true,
		`<% if spec.properties.bpm.enabled %>a<% end %>`:                                               true,
		`<% if raw_properties["bpm"]["enabled"] %>a<% end %>`:                                          true,
		`<% if p("bpm")["enabled"] %>a<% end %>`:                                                       true,
		`<% if properties.to_h.dig(:bpm, :enabled) %>a<% end %>`:                                       true,
		`<%= p("bpm").to_json %>`:                                                                      true,
		`<%= spec.properties.to_json %>`:                                                               true,
		"<% if p(\"bpm.enabled\")\n  v = <<-X\n  a\n  X\nelse\n  v = \"old\"\nend %>\n<%= v %>\n":      true,
		`<% if p("bpm.enabled") %>a<% else %>b<% end %><%= p("bpm_other") %><%= p("x.bpm.enabled") %>`: false,
		"<%\n# p('bpm.enabled') was here\nx = <<~X\n  a\nX\n%><%= properties.web.port %><%= x %>":      false,
		`<%= p("#{name}.port") %>`:                                                                     false,
	} {
		d, err := Drop(&source.File{Name: "t.erb", Data: []byte(text)}, "bpm.enabled", true)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var why []string
		for _, u := range d.Left {
			why = append(why, u.Why)
		}
		if left != (len(d.Left) > 0) {
			t.Errorf("%s: %q, left %v: %s", text, why, left, d.After)
		}
	}
}
