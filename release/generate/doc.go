// Package generate has tests only. It rewrites start scripts in ways that keep their
// meaning, and makes up jobs as public releases have them; real bash, in namespaces of its
// own, says what they do, and conversion and proof are held against that.
package generate
