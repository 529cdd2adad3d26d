package vm

// install puts the commands of a stemcell into the folders where they lie.
func (v *VM) install(name, full string) {
	if v.Files.nodes[full] == nil {
		v.Files.Add(full, "", 0o755)
	}
	v.Files.stemcell[full] = true
}
